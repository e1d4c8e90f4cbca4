"""launchd's files say what the programs understand, and nothing that would weaken them."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest

from appliance.app import dispatchd
from appliance.task import launcher

HERE = Path(__file__).parents[2] / "packaging/launchd"
FILES = sorted(HERE.glob("*.plist"))
PARSERS = {
    "dispatchd": dispatchd.build_parser,
    "dispatch-task": launcher.build_parser,
}


def read(name: str) -> dict[str, Any]:
    found = plistlib.loads((HERE / f"dispatch-appliance.{name}.plist").read_bytes())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_label_is_the_name_of_its_file(file: Path) -> None:
    assert plistlib.loads(file.read_bytes())["Label"] == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_program_understands_its_command_line(file: Path) -> None:
    program, *options = plistlib.loads(file.read_bytes())["ProgramArguments"]

    PARSERS[Path(program).name]().parse_args(options)  # exits where it does not


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_of_it_is_for_others_to_read_or_to_find_in_a_core_file(file: Path) -> None:
    found = plistlib.loads(file.read_bytes())

    assert found["Umask"] == 0o077
    assert found["HardResourceLimits"]["Core"] == 0
    assert "EnvironmentVariables" not in found


def test_the_agent_is_another_account_than_the_daemon() -> None:
    daemon, task = read("dispatchd"), read("task")

    assert daemon["UserName"] == "_dispatch"
    assert task["UserName"] == "_dispatchagent"


def test_each_connection_is_a_launcher_of_its_own() -> None:
    task = read("task")

    assert task["inetdCompatibility"] == {"Wait": False}
    assert not task["AbandonProcessGroup"]
    assert "RunAtLoad" not in task


def test_what_a_launcher_complains_about_does_not_get_into_the_conversation() -> None:
    assert read("task")["StandardErrorPath"] == "/dev/null"


def test_the_readme_tells_of_every_file_and_of_the_directory_that_guards_the_socket() -> None:
    readme = (HERE / "README.md").read_text()
    socket = Path(read("task")["Sockets"]["Listeners"]["SockPathName"])

    assert "install -d -m 0710 -o root -g _dispatch " + str(socket.parent) in readme
    assert f'task_socket = "{socket}"' in readme
    for name in ("dispatchd", "task"):
        assert f"dispatch-appliance.{name}.plist" in readme


def test_a_crash_is_followed_by_a_start_but_not_at_once() -> None:
    for name in ("dispatchd", "user"):
        assert read(name)["KeepAlive"] == {"SuccessfulExit": False}
        assert read(name)["ThrottleInterval"] >= 10
