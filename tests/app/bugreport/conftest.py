"""An appliance with secrets and somebody's words wherever a report looks."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Prompt, Reply, Rich
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import TOKEN, Installation
from tests.app.bugreport.planted import ANSWER, CHAT, ID, KEY, PASSWORD, TASK
from tests.examples import ALICE, PLACE, job, message


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
