"""The one command that comes after a restore."""

from __future__ import annotations

from pathlib import Path

from appliance.app.backup_commands.next_step import next_step
from tests.app.backup_commands.installation import Installation


def test_what_is_missing_comes_before_the_start(box: Installation) -> None:
    assert next_step(box.settings) == f"dispatchd --config {box.settings}"
    (box.home / "etc/credentials/telegram-token").unlink()
    assert next_step(box.settings) == "dispatchctl credential set telegram-token"
    (box.home / "project").rmdir()
    step = next_step(box.settings)
    assert step.startswith(f"dispatchctl config check {box.settings}")
    assert "there is no directory" in step


def test_settings_that_are_not_there_are_looked_for(tmp_path: Path) -> None:
    assert next_step(tmp_path / "nowhere").startswith("dispatchctl config check ")
