"""`dispatchctl audit redact`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.errors import AuditUnavailable
from tests.app.audit_commands.dispatchctl import audit
from tests.app.audit_commands.kept import log_of, settings
from tests.audit.logs import entries


def test_a_value_is_destroyed_and_the_log_still_verifies(tmp_path: Path) -> None:
    file = settings(tmp_path)
    assert b"git log -1" in log_of(tmp_path).read_bytes()
    status, said = audit("redact", 2, "input", "--reason", "private", "--config", file)
    assert (status, said) == (0, ["input of record 2 is destroyed, and recorded"])
    assert verify(log_of(tmp_path)).verdict is Verdict.INTACT
    (told,) = entries(log_of(tmp_path), Filter(kind="record.redacted"))
    assert told.record.data == {"seq": 2, "field": "input", "reason": "private"}
    assert b'{"command":"git log -1"}' not in log_of(tmp_path).read_bytes()


def test_it_answers_as_json(tmp_path: Path) -> None:
    arguments = ("redact", 2, "input", "--reason", "x", "--json", "--config", settings(tmp_path))
    status, (line,) = audit(*arguments)
    assert status == 0
    assert json.loads(line) == {"format": 1, "redacted": {"seq": 2, "field": "input"}}


def test_what_is_not_there_cannot_be_destroyed(tmp_path: Path) -> None:
    file = settings(tmp_path)
    with pytest.raises(AuditUnavailable, match="record 2 has no private value 'output'"):
        audit("redact", 2, "output", "--reason", "x", "--config", file)


def test_a_reason_is_demanded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        audit("redact", 2, "input", "--config", tmp_path)
    assert "--reason" in capsys.readouterr().err
