"""`dispatchctl bugreport`: of use to who mends things, shown before it is written."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.app.backup_commands.installation import Installation
from tests.app.bugreport.planted import shown


def test_it_tells_what_who_mends_things_asks_first(
    box: Installation, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(box, capsys)
    headings = [line for line in told.splitlines() if line.startswith("## ")]
    assert headings == [
        f"## {name}"
        for name in (
            *("versions", "doctor", "settings", "isolation"),
            *("units", "log lines", "audit log", "state"),
        )
    ]
    assert "dispatch-appliance 0." in told
    assert "SQLite 3." in told
    assert "max_parallel = 2" in told
    assert "INFO: ready" in told
    assert "intact\nhead 14 " in told or "intact\nhead 13 " in told
    assert "schema 1\n" in told
    assert "inbox: 3\n" in told
    assert "jobs queued: 1\n" in told


def test_what_was_shown_is_all_that_is_written(
    box: Installation, journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    told = shown(box, capsys, "--out", str(out), "--yes")
    assert told.startswith(out.read_text())
    assert out.stat().st_mode & 0o777 == 0o600
    assert box.ctl("bugreport", "--out", str(out), "--yes") == 78


@pytest.mark.parametrize(("answer", "is_written"), [("y", True), ("n", False), ("", False)])
def test_it_is_written_only_after_a_yes(
    answer: str,
    is_written: bool,
    box: Installation,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert box.ctl("bugreport", "--out", str(tmp_path / "report")) == 0
    assert (tmp_path / "report").exists() == is_written


def test_where_nobody_can_be_asked_nothing_is_written(
    box: Installation, journal: Path, tmp_path: Path
) -> None:
    assert box.ctl("bugreport", "--out", str(tmp_path / "report")) == 78
    assert not (tmp_path / "report").exists()


def test_settings_that_cannot_be_read_are_told_of_and_the_rest_is_there(
    box: Installation, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box.settings.write_text("[daemon]\nmax_parallel = 0\n")
    told = shown(box, capsys)
    assert "## versions" in told
    assert "max_parallel" in told


def test_what_is_damaged_or_gone_is_told_of(
    box: Installation, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (box.state / "state.db").write_bytes(b"no database of ours, and rather short")
    (box.log / "audit.db").unlink()
    told = shown(box, capsys)
    assert "## state\n\ncannot be read: " in told
    assert "## audit log\n\nincomplete" in told
