"""What README tells people to type for an installation; tests/system types it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.app.setup import answers
from tests.system import readme


def test_the_section_is_an_installation_and_a_set_up() -> None:
    install, set_up = readme.blocks()
    assert install == "apt install -y ./dispatch-appliance_*.deb\n"
    assert set_up.endswith("dispatchctl doctor\n")


def test_it_is_a_script_for_every_shell() -> None:
    for block in readme.blocks():
        for shell in filter(shutil.which, ("sh", "bash", "zsh")):
            subprocess.run([shell, "-n"], input=block, text=True, check=True)


def test_its_answers_are_understood(tmp_path: Path) -> None:
    _, set_up = readme.blocks()
    written = set_up.partition("\nEND\n")[0]
    subprocess.run(["sh"], input=f"{written}\nEND\n", text=True, check=True, cwd=tmp_path)
    found = answers.read(tmp_path / "answers.toml")
    assert found.telegram is not None
    assert found.telegram.token_file == "/root/bot-token"
    assert (list(found.users), list(found.projects)) == (["alice"], ["demo"])


def test_only_what_is_marked_can_be_replaced() -> None:
    _, set_up = readme.blocks()
    assert readme.with_yours(set_up, {}) == set_up
    replaced = readme.with_yours(set_up, {"path": '"/home/alice/demo"', "telegram": "[7]"})
    assert 'path = "/home/alice/demo"  ' in replaced
    assert "telegram = [7]  " in replaced
    with pytest.raises(KeyError, match="grant"):
        readme.with_yours(set_up, {"grant": "false"})
