"""`dispatchctl backup`: whole, encrypted, private, and made while everything runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest

from appliance.audit.verify import Verdict, verify
from appliance.backup.manifest import LOG, STATE, parse
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import RECIPIENT, Installation, unpacked
from tests.attacks.audit.intruder import run as intrude

rage: Any = pyrage


def test_other_programs_find_everything_in_it(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
    manifest = parse((found / "manifest.json").read_bytes())
    assert {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()} == {
        "manifest.json",
        *(entry.name for entry in manifest.entries),
    }
    assert (found / "settings/dispatch.toml").read_text() == box.settings.read_text()
    assert (found / "state/grants.csv").read_text() == "# granted\n"
    assert (found / "policies/commands.toml").exists()
    assert verify(found / LOG).verdict is Verdict.INTACT
    with closing(SqliteState.open((found / STATE).parent)) as state:
        assert len(state.accounts()) == 1
    said = capsys.readouterr().out
    assert f"encrypted to {RECIPIENT}" in said
    assert f"head of the log: {manifest.log_size} {manifest.log_root}" in said


def test_it_is_private_and_is_there_whole_or_not_at_all(box: Installation, tmp_path: Path) -> None:
    file = box.back_up(tmp_path / "backup")
    assert file.stat().st_mode & 0o777 == 0o600
    assert box.ctl("backup", str(file), "--recipient", RECIPIENT) == 78
    (tmp_path / "full").symlink_to("/dev/full")
    assert box.ctl("backup", str(tmp_path / "nowhere" / "x"), "--recipient", RECIPIENT) == 78
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "box", "full"]


def test_the_plain_content_is_nowhere_on_the_disk(
    box: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "work"))
    file = box.back_up(tmp_path / "backup")
    assert b"fix the bug" not in file.read_bytes()
    assert not list((tmp_path / "work").iterdir())


def test_a_log_that_was_changed_is_backed_up_and_said_so(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intrude(box.log / "audit.db", "UPDATE leaf SET h=zeroblob(32) WHERE seq=3")
    assert box.ctl("backup", str(tmp_path / "backup"), "--recipient", RECIPIENT) == 1
    assert "warning: the log in it is tampered" in capsys.readouterr().err
    assert (tmp_path / "backup").exists()
