"""Where the agent's program is, and what wall it gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.app.programs import claude_path, host_wall
from appliance.config import (
    AuditSettings,
    AwakeSettings,
    ClaudeSettings,
    DaemonSettings,
    FilesSettings,
    RouterSettings,
    Settings,
)
from appliance.core.model import Isolation


def test_a_link_is_followed_to_the_program_itself(tmp_path: Path) -> None:
    program = tmp_path / "real"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "claude").symlink_to(program)
    assert claude_path(ClaudeSettings(program=str(tmp_path / "claude"))) == program


def test_a_program_that_is_not_there_keeps_its_name() -> None:
    assert claude_path(ClaudeSettings(program="/nowhere/claude")) == Path("/nowhere/claude")


def test_the_wall_is_what_settings_and_host_make_of_it() -> None:
    daemon = DaemonSettings(unsafe_no_sandbox=True)
    settings = Settings(
        file="",
        daemon=daemon,
        audit=AuditSettings(),
        awake=AwakeSettings(),
        files=FilesSettings(),
        router=RouterSettings(),
        telegram=None,
        web=None,
        terminal=None,
        claude=None,
        voice=None,
        metrics=None,
        users={},
        projects={},
        hosts={},
    )
    assert host_wall(settings).isolation is Isolation.NONE
    assert "unsafe_no_sandbox" in host_wall(settings).shortfall
    walled = replace(settings, daemon=DaemonSettings())
    assert "unsafe_no_sandbox" not in host_wall(walled).shortfall
    with_units = replace(settings, daemon=DaemonSettings(task_socket="/run/dispatch-task/socket"))
    assert host_wall(with_units, lambda: True).isolation is Isolation.UNIT
    assert host_wall(with_units, lambda: False).isolation is not Isolation.UNIT  # a container
