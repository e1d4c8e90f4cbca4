"""What must be in no report, and how one is asked for."""

from __future__ import annotations

import pytest

from tests.app.backup_commands.installation import Installation

CHAT = "tell nobody that the merger is on friday"
TASK = "rewrite the letter to doctor miller"
ANSWER = "the letter says that he was wrong"
KEY = "sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa"
PASSWORD = "hunter2hunter2"
ID = 4_711_815_666


def shown(box: Installation, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert box.ctl("bugreport", *more) == 0
    return capsys.readouterr().out
