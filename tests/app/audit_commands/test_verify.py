from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.database import PUBLIC_KEY
from appliance.audit.writer import Writer, prepare
from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, BOOT, allowed, sample
from tests.fakes import FakeClock


def test_an_intact_log_has_status_0_and_its_limits_are_said(tmp_path: Path) -> None:
    status, lines = audit("verify", sample(tmp_path))
    assert status == 0
    assert lines[0] == "intact: all 13 records are what was signed, in 4 epochs"
    assert lines[2] == f"public key: {(tmp_path / PUBLIC_KEY).read_text().strip()}"
    assert lines[3:] == [
        "compare that key with one kept elsewhere (--pubkey): another log has another key",
        "signatures: 4 of 9 verified, each for all records before it; --full verifies all",
        "the last 13 records are protected by the signing keys only:",
        "  whoever can write the file could have cut off what followed record 13",
        "  today's key has signed none of them: whoever holds it can only add to them",
    ]


def test_the_log_is_found_by_its_directory_and_pinned_by_its_key(tmp_path: Path) -> None:
    sample(tmp_path)
    status, lines = audit("verify", tmp_path, "--pubkey", tmp_path / PUBLIC_KEY)
    assert status == 0
    assert lines[2].endswith("(as given)")


def test_a_tampered_log_has_status_1_and_the_record_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "DELETE FROM leaf WHERE seq=5")
    status, lines = audit("verify", path)
    assert status == 1
    assert lines[0] == "tampered at record 5: record 5 is missing, 6 follows"
    assert lines[1] == "the first 4 records are what was signed"


def test_what_cannot_be_judged_has_status_2(tmp_path: Path) -> None:
    status, lines = audit("verify", tmp_path / "nothing.db", "--json")
    assert status == 2
    assert json.loads(lines[0])["verdict"] == "incomplete"


def test_a_log_in_use_tells_what_a_thief_of_its_key_could_do(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        (tmp_path / "kept.txt").write_text(f"Keep this message:\n\n> {writer.head()}\nThanks.\n")
        writer.commit([[prepare(allowed(2))], [prepare(allowed(3))]])
        status, lines = audit("verify", tmp_path, "--anchor", tmp_path / "kept.txt")
    assert status == 0
    assert lines[-4].startswith("anchored to record 2 at 20")
    assert lines[-3:] == [
        "the last 2 records are protected by the signing keys only:",
        "  whoever can write the file could have cut off what followed record 4",
        "  whoever holds today's key could have written records 3 to 4",
    ]


def test_how_much_was_checked_is_said(tmp_path: Path) -> None:
    path = sample(tmp_path)
    _, lines = audit("verify", path, "--full")
    assert not any(line.startswith("signatures") for line in lines)
    _, lines = audit("verify", path, "--quick")
    assert lines[0].startswith("intact: hashes of all 13 records")
    assert "the records were not read: leave out --quick to know that they make sense" in lines


def test_what_was_destroyed_is_said(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(n))] for n in range(4)])
        writer.redact(5, "input", "a customer's name", ANNA)
        writer.prune(3, "retention", ANNA)
        status, lines = audit("verify", tmp_path)
    assert status == 0
    assert "pruned: of 1 records only the hashes are left" in lines
    assert "redacted: 1 private values were destroyed, as records say" in lines
    assert "note: anna pruned the log up to record 2: retention" in lines


def test_as_json_it_is_all_told(tmp_path: Path) -> None:
    status, lines = audit("verify", sample(tmp_path), "--json")
    found = json.loads(lines[0])
    assert status == 0
    assert (found["format"], found["verdict"], found["depth"]) == (1, "intact", "usual")
    assert (found["size"], found["signatures"], found["checked"]) == (13, 9, 4)
    assert bytes.fromhex(found["root"])


def test_a_file_without_a_checkpoint_is_no_anchor(tmp_path: Path) -> None:
    path = sample(tmp_path)
    (tmp_path / "note.txt").write_text("all was well")
    with pytest.raises(ApplianceError, match="no checkpoint in it"):
        audit("verify", path, "--anchor", tmp_path / "note.txt")
