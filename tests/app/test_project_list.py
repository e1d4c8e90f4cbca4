"""What the launcher is told about projects follows from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.app.project_list import CANARY, UNIT_CANARY, project_list
from appliance.config import Settings, load
from appliance.task import projects

TEXT = """
[daemon]
state = "{home}/state"
{more}
[web]
[users.me]
web = true
[projects.demo]
path = "{home}/demo"
"""


def _settings(home: Path, more: str = "", end: str = "") -> Settings:
    (home / "demo").mkdir(exist_ok=True)
    file = home / "dispatch.toml"
    file.write_text(TEXT.format(home=home, more=more) + end)
    return load(file)


def test_a_list_that_was_written_is_one_the_launcher_reads(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path, end=f'[claude]\nhome = "{tmp_path}/agent"\nprogram = "/x/claude"'
    )
    file = tmp_path / "projects.json"
    file.write_text(project_list(settings).encode())
    found = projects.load(file)
    assert found.projects == {
        "demo": f"{tmp_path}/demo",
        "workspace": f"{tmp_path}/state-workspace",
        CANARY: f"{tmp_path}/state/canary",
    }
    assert found.home == f"{tmp_path}/agent"
    assert found.readable == ("/x",)
    assert f"{tmp_path}/state" in found.hidden
    assert str(tmp_path / "dispatch.toml") in found.hidden
    assert str(tmp_path / "projects.json") in found.hidden
    assert not found.unsafe_no_sandbox


def test_settings_named_from_where_somebody_is_are_hidden_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "projects.json"
    file.write_text(project_list(load(Path("dispatch.toml"))).encode())
    assert {str(tmp_path / "dispatch.toml"), str(file)} <= set(projects.load(file).hidden)


def test_without_an_agent_recipes_have_a_home_all_the_same(tmp_path: Path) -> None:
    assert project_list(_settings(tmp_path)).home == f"{tmp_path}/state"


def test_under_systemd_the_canary_is_where_daemon_and_agent_meet(tmp_path: Path) -> None:
    settings = _settings(tmp_path, more='task_socket = "/run/dispatch-task/socket"')
    found = project_list(settings)
    assert found.projects[CANARY] == str(UNIT_CANARY)
    assert found.home == "/var/lib/dispatch-agent"
    assert not found.unsafe_host_network
