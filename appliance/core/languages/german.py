"""German."""

from __future__ import annotations

from appliance.core.model import Catalogue

GERMAN: Catalogue = {
    "Approve": "Erlauben",
    "Deny": "Ablehnen",
    "Stop": "Anhalten",
}
