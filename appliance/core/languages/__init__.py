"""The languages we speak: one catalogue each, keyed by the English text.

To add one: a module beside `german`, a name in `preferences.Language`, a line below. The test
`tests/core/test_languages.py` tells which phrases are missing and which gaps do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.languages.german import GERMAN
from appliance.core.model import Sentences
from appliance.core.preferences import Language

SENTENCES: Mapping[Language, Sentences] = {Language.ENGLISH: {}, Language.GERMAN: GERMAN}
