"""`dispatchctl config …`: what is printed, and the exit status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.app import config_commands
from tests.app.groups import run_group


def main(arguments: Sequence[str]) -> int:
    return run_group(config_commands, arguments)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    file = tmp_path / "dispatch.toml"
    file.write_text(
        "[web]\n[users.me]\nweb = true\n"
        f'[daemon]\ncredentials = "{tmp_path}/secrets"\n'
        f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    )
    return file


def test_a_good_file_is_ok(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(settings)]) == 0
    assert capsys.readouterr().out == f"{settings}: ok, 1 users, 1 projects, chats: web\n"
    assert main(["config", "check", str(settings), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "mistakes": []}


def test_every_mistake_is_told(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.write_text(settings.read_text() + "[telegram]\ntokn = 1\n")
    assert main(["config", "check", str(settings)]) == 78
    said = capsys.readouterr().err
    assert f'{settings}:9:1: unknown key "tokn" in [telegram], did you mean "token"?' in said
    assert main(["config", "check", str(settings), "--json"]) == 78
    assert len(json.loads(capsys.readouterr().out)["mistakes"]) == 1


def test_what_is_in_force_is_shown_with_defaults(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", str(settings)]) == 0
    assert "max_parallel = 2" in capsys.readouterr().out
    assert main(["config", "show", str(settings), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["daemon"]["minimum_isolation"] == "bubblewrap"
    assert "telegram" not in shown


def test_the_example_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example"]) == 0
    assert "[projects.demo]" in capsys.readouterr().out
