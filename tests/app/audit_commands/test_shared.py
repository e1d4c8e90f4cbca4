from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.audit.logs import sample


@pytest.mark.parametrize(
    "arguments",
    [
        ("log", "--since", "yesterday"),
        ("log", "--until", "2030-13-01"),
        ("log", "--outcome", "fine"),
        ("log", "--limit", "0"),
        ("verify", "--pubkey", "a+b+c"),
        ("verify", "--pubkey", "/nowhere"),
        ("verify", "--anchor", "/nowhere"),
    ],
)
def test_a_wrong_argument_is_one_clear_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command, *options = arguments
    with pytest.raises(ApplianceError, match=r"\w"):
        audit(command, sample(tmp_path), *options)
