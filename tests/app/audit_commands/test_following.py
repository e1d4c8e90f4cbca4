from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from appliance.audit.keyring import public_keys
from appliance.errors import ApplianceError, AuditBroken
from tests.app.audit_commands.dispatchctl import audit
from tests.audit.logs import allowed, write
from tests.fakes import FakeClock


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "log", [[allowed(1)]], FakeClock())


def shown(log: Path, *since: object) -> str:
    status, lines = audit("anchor", "show", log, *since)
    assert status == 0
    return "".join(f"{line}\n" for line in lines)


def test_a_log_is_followed_from_another_machine(log: Path, tmp_path: Path) -> None:
    kept, growth = tmp_path / "kept.txt", tmp_path / "growth.txt"
    growth.write_text(shown(log))
    key = str(public_keys(log).identity)
    assert audit("anchor", "keep", kept, growth, "--identity", key) == (
        0,
        ["followed from now on: 3 records, signed by its identity"],
    )
    assert audit("anchor", "keep", kept, growth) == (0, ["as before: 3 records"])

    write(log.parent, [[allowed(2)]], FakeClock())
    growth.write_text(shown(log, "--since", kept))
    _, lines = audit("anchor", "keep", kept, growth, "--json")
    answer = json.loads(lines[0])
    assert (answer["size"], answer["since"], answer["changed"]) == (6, 3, True)
    assert kept.read_text().startswith(f"{key}\n\ndispatch-audit/")
    # what is kept is what `verify` takes as it is
    status, lines = audit("verify", log, "--anchor", kept)
    assert status == 0
    assert "anchored to record 6" in "\n".join(lines)


def test_both_ends_speak_through_a_pipe(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.txt"
    monkeypatch.setattr(sys, "stdin", io.StringIO(shown(log)))
    audit("anchor", "keep", kept, "--identity", public_keys(log).identity)
    write(log.parent, [[allowed(2)]], FakeClock())
    monkeypatch.setattr(sys, "stdin", io.StringIO(kept.read_text()))
    growth = shown(log, "--since", "-")
    monkeypatch.setattr(sys, "stdin", io.StringIO(growth))
    assert audit("anchor", "keep", kept) == (
        0,
        ["the log of 3 records has grown to 6, and the old ones are the same"],
    )


def test_what_was_kept_stays_when_the_log_is_another_one(log: Path, tmp_path: Path) -> None:
    kept, growth = tmp_path / "kept.txt", tmp_path / "growth.txt"
    growth.write_text(shown(log))
    key = public_keys(log).identity
    audit("anchor", "keep", kept, growth, "--identity", key)
    before = kept.read_text()
    other = write(tmp_path / "other", [[allowed(1)]], FakeClock())
    growth.write_text(shown(other))
    with pytest.raises(AuditBroken, match="not signed by the key"):
        audit("anchor", "keep", kept, growth)
    with pytest.raises(AuditBroken, match="begun with another key"):
        audit("anchor", "keep", kept, growth, "--identity", public_keys(other).identity)
    assert kept.read_text() == before


def test_without_a_key_nothing_is_begun(log: Path, tmp_path: Path) -> None:
    growth = tmp_path / "growth.txt"
    growth.write_text(shown(log))
    with pytest.raises(ApplianceError, match="nothing is kept"):
        audit("anchor", "keep", tmp_path / "kept.txt", growth)
    with pytest.raises(ApplianceError, match="the identity key"):
        audit("anchor", "keep", tmp_path / "kept.txt", growth, "--identity", "no key")
    assert not (tmp_path / "kept.txt").exists()
