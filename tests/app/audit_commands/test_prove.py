from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import newest_note
from tests.audit.logs import allowed, sample, write
from tests.fakes import FakeClock


def test_the_files_are_written_and_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    status, lines = audit("prove", 3, path, "-o", tmp_path)
    assert status == 0
    assert lines == [
        f"{tmp_path}/record-3.tlog-proof: record 3 is in the log of 13 records (C2SP tlog-proof)",
        f"{tmp_path}/growth-8-13.txt: the log of 8 records has grown to 13",
    ]
    assert (tmp_path / "record-3.tlog-proof").read_text().startswith("c2sp.org/tlog-proof@v1\n")
    assert (tmp_path / "growth-8-13.txt").read_text().startswith("old 8\n")


def test_growth_is_proven_since_a_checkpoint_that_was_kept(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)]], FakeClock())
    (tmp_path / "kept.txt").write_text(f"keep this\n\n{newest_note(path)}")
    write(tmp_path, [[allowed(2)]], FakeClock())
    _, lines = audit("prove", 2, path, "--anchor", tmp_path / "kept.txt", "-o", tmp_path, "--json")
    found = json.loads(lines[0])
    assert (found["format"], found["seq"], found["size"]) == (1, 2, 6)
    assert found["files"][1] == f"{tmp_path}/growth-3-6.txt"


def test_a_place_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="cannot write"):
        audit("prove", 3, sample(tmp_path), "-o", tmp_path / "nowhere")
