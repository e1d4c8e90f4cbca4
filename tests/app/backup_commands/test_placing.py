"""What was prepared is put in place, once, however often it is begun."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.app.backup_commands.placing import PLAN, Plan, Swap, begun
from appliance.app.dispatchd import main as dispatchd
from appliance.errors import ConfigError
from tests.app.backup_commands.installation import Installation


def test_the_daemon_does_not_start_before_a_restore_is_finished(
    box: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    box.settings.with_name(PLAN).write_text("{}")
    assert dispatchd(["--config", str(box.settings)]) == ConfigError.exit_status
    assert "dispatchctl restore --finish" in capsys.readouterr().err


def test_a_second_restore_waits_for_the_first(box: Installation, file: Path) -> None:
    here = {"state": str(box.state), "audit": str(box.log)}
    plan: dict[str, Any] = {"v": 1, **here, "swaps": [], "credentials": None}
    box.settings.with_name(PLAN).write_text(json.dumps(plan))
    assert box.restore(file, "--replace") == 78
    assert box.ctl("restore", "--finish") == 0
    assert not box.settings.with_name(PLAN).exists()
    assert box.ctl("restore", "--finish") == 78
    assert box.ctl("restore") == 78


def test_a_plan_that_cannot_be_read_is_not_guessed_at(box: Installation) -> None:
    box.settings.with_name(PLAN).write_text("{")
    assert box.ctl("restore", "--finish") == 78


def test_what_was_there_gives_way_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").write_text("old")
    (tmp_path / "other").write_text("stays")
    swap = Swap.of(tmp_path, "a", "b", what="state")
    (swap.prepare() / "a").write_text("new")
    assert (tmp_path / "a").read_text() == "old"
    for _ in range(2):  # the second time nothing is left to do
        swap.finish()
        assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
            "a": "new",
            "other": "stays",
        }
    aside = tmp_path / "before-restore-1"
    assert sorted(path.name for path in aside.iterdir()) == ["a", "b"]
    assert Swap.of(tmp_path, "a", what="state").aside == "before-restore-2"


def test_what_is_not_wanted_leaves_nothing(tmp_path: Path) -> None:
    swap = Swap.of(tmp_path, "a", what="state")
    (swap.prepare() / "a").write_text("new")
    (swap.prepare() / "b").write_text("newer")
    assert [path.name for path in swap.place.iterdir()] == ["b"]
    swap.discard()
    assert not list(tmp_path.iterdir())


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    swaps = (Swap.of(tmp_path, "a", "b", what="state"), Swap.of(tmp_path, "c", what="settings"))
    for credentials in (None, ("kept", "prepared")):
        plan = Plan("state", "audit", swaps, credentials)
        (tmp_path / PLAN).write_text(plan.text())
        assert begun(tmp_path / "dispatch.toml") == plan
