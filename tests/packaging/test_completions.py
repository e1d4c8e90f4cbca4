"""Tab completes every command and option of dispatchctl, in bash and in zsh."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import dispatchctl
from tests.packaging.programs import program

completions = program("completions")

ASK = r"""
source "$1"; shift
COMP_WORDS=(dispatchctl "$@"); COMP_CWORD=$#
compopt() { :; }
_shtab_dispatchctl
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("completions")
    assert completions.main([str(root)]) == 0
    return root


def offered(root: Path, *words: str, cwd: Path | None = None) -> set[str]:
    """What bash offers for the last of the words."""
    script = root / completions.PLACES["bash"]
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(script), *words], capture_output=True, text=True, cwd=cwd
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def below(
    parser: argparse.ArgumentParser, *words: str
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command with its parser."""
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from below(one, *words, name)


COMMANDS = dict(below(dispatchctl.build_parser()))


def test_every_command_is_offered(root: Path) -> None:
    for words, parser in COMMANDS.items():
        groups = [x for x in parser._actions if isinstance(x, argparse._SubParsersAction)]
        for group in groups:
            assert offered(root, *words, "") == set(group.choices), words


def test_every_option_is_offered(root: Path) -> None:
    for words, parser in COMMANDS.items():
        wanted = {x for x in parser._option_string_actions if x.startswith("--")}
        assert offered(root, *words, "--") == wanted, words


def test_files_are_offered_where_a_file_is_wanted(root: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.toml").touch()
    assert offered(root, "setup", "--answers", "ans", cwd=tmp_path) == {"answers.toml"}


def test_the_choices_of_an_option_are_offered(root: Path) -> None:
    for words, parser in COMMANDS.items():
        for action in parser._actions:
            if action.option_strings and action.choices:
                option = action.option_strings[-1]
                assert offered(root, *words, option, "") == set(map(str, action.choices)), option


# What a function says is printed in place of what zsh would make of it.
ASK_ZSH = r"""
_describe() { print -rl -- "${(@P)2}" }
_arguments() { state=command; [[ $1 = -C ]] || print -rl -- "$@" }
source "$1"
$2
"""


def said(root: Path, *words: str) -> list[str]:
    """What a command's function says to zsh."""
    if shutil.which("zsh") is None:
        assert os.getenv("CI") != "true", "CI installs zsh"
        pytest.skip("SKIPPED: zsh is not on this machine")
    script = root / "zsh"
    text = (root / completions.PLACES["zsh"]).read_text()
    script.write_text(text.removesuffix('_dispatchctl "$@"\n'))
    function = "_".join(("_dispatchctl", *words)).replace("-", "_")
    done = subprocess.run(
        ["zsh", "-fc", ASK_ZSH, "zsh", str(script), function], capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_zsh_offers_every_command_and_says_what_it_does(root: Path) -> None:
    for words, parser in COMMANDS.items():
        for group in parser._actions:
            if isinstance(group, argparse._SubParsersAction):
                told = [f"{x.dest}:{x.help}" for x in group._choices_actions]
                assert said(root, *words) == told, words


def test_zsh_offers_every_option(root: Path) -> None:
    for words, parser in COMMANDS.items():
        if not any(isinstance(x, argparse._SubParsersAction) for x in parser._actions):
            specs = said(root, *words)
            for option in parser._option_string_actions:
                found = [re.search(rf"(^|[)*]){re.escape(option)}\[", spec) for spec in specs]
                assert any(found), (words, option)


def test_zsh_offers_files_where_a_file_is_wanted(root: Path) -> None:
    assert any("--answers[" in spec and ":FILE:_files" in spec for spec in said(root, "setup"))
