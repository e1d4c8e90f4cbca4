"""`dispatchctl bugreport`: of use to who mends things, without what is nobody's business."""

from __future__ import annotations

import io
import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Prompt, Reply, Rich
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import TOKEN, Installation
from tests.examples import ALICE, PLACE, job, message

CHAT = "tell nobody that the merger is on friday"
TASK = "rewrite the letter to doctor miller"
ANSWER = "the letter says that he was wrong"
KEY = "sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa"
PASSWORD = "hunter2hunter2"
ID = 4_711_815_666


@pytest.fixture
def box(tmp_path: Path) -> Installation:
    """With a secret or somebody's words in every place that is read."""
    box = Installation(tmp_path / "box").furnish()
    text = box.settings.read_text().replace("unix =", f"telegram = [{ID}]\nunix =")
    box.settings.write_text(text + f'[hosts.nas]\nmac = "02:00:00:00:00:01"\n# {PASSWORD}\n')
    with closing(SqliteState.open(box.state)) as state, state.transaction():
        state.accept(message(CHAT, 9), ALICE)
        state.add_job(replace(job(key="telegram:0:9"), work=Prompt(TASK), reason=TASK))
        state.post(PLACE, Reply(Rich(ANSWER)))
    secret = box.home / "etc/credentials/backup-password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    return box


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs of the machine that say what we put here: the worst that could be logged."""
    programs = tmp_path / "bin"
    programs.mkdir()
    lines = [
        "2026-11-21T15:00:00+0000 box dispatchd[12]: appliance.services: INFO: ready",
        f"2026-11-21T15:00:01+0000 box dispatchd[12]: heard: {CHAT}",
        f"2026-11-21T15:00:02+0000 box dispatchd[12]: job 3: {TASK[:50]}",
        f"2026-11-21T15:00:03+0000 box dispatchd[12]: token {TOKEN} and {KEY} and {PASSWORD}",
        f"2026-11-21T15:00:04+0000 box dispatchd[12]: telegram:{ID} is a stranger",
        "2026-11-21T15:00:05+0000 box dispatchd[12]: \x1b[2J\u202eupside down",
    ]
    _program(programs / "journalctl", "\n".join(lines))
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return programs


def _program(place: Path, says: str) -> None:
    place.with_suffix(".txt").write_text(says)
    place.write_text(f"#!/bin/sh\ncat {place}.txt\n")
    place.chmod(0o755)


def shown(box: Installation, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert box.ctl("bugreport", *more) == 0
    return capsys.readouterr().out


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


def test_no_secret_and_nothing_that_people_wrote_is_in_it(
    box: Installation, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(box, capsys)
    for planted in (CHAT, TASK[:50], ANSWER, TOKEN, KEY, PASSWORD, str(ID), "02:00:00"):
        assert planted not in told, planted
    assert "[left out: it holds what somebody wrote]" in told
    assert "telegram:[id] is a stranger" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


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
