"""commands.toml: strict tables to recipes, and the shipped ones in a hostile repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.core.model import ParameterKind, Recipe
from appliance.core.recipes import Mistake, bind, find
from appliance.policy.commands import recipes
from appliance.policy.sources import Source
from tests.policy import policies_on_disk as disk

GIT = shutil.which("git")


def _read(text: str) -> tuple[tuple[Recipe, ...], list[str]]:
    mistakes: list[str] = []
    return recipes(Source("commands.toml", text), mistakes), mistakes


def test_a_table_is_a_recipe() -> None:
    (recipe,), mistakes = _read(
        '# mine\n["git log"]\nsummary = "x"\nargv = ["git", "log", "-n", "{count}"]\n'
        'parameters.count = { kind = "integer", default = "20", maximum = 50 }\nparallel = true\n'
    )
    assert mistakes == []
    assert recipe.words == ("git", "log")
    assert recipe.parameters[0].kind is ParameterKind.INTEGER
    assert str(recipe.source) == "commands.toml:2"


BASE = '[x]\nsummary = "x"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + "argv = []", "argv begins with a program"),
        (BASE + 'argv = ["{a}"]\nparameters.a = { kind = "word" }', "argv begins with a program"),
        (BASE + 'argv = ["x", "{a}"]', "no parameter of that name"),
        (BASE + 'argv = ["x"]\nparameters.a = { kind = "word" }', '"a" is not used'),
        (BASE + 'argv = ["x", "-n{a}"]\nparameters.a = { kind = "word" }', "is a whole argument"),
        (BASE + 'argv = "x"', "must be a list"),
        (BASE + 'argv = ["x"]\ntimeout = 5', 'unknown key "timeout" in [x], did you mean'),
        (BASE + 'argv = ["x"]\ndirectory = "../y"', "inside the project"),
        (BASE + 'argv = ["x"]\nparameters = 3', "must be tables"),
        (BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "wrod" }', "must be"),
        (BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "choice" }', "go together"),
        (BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "word", maximum = 3 }', "only goes"),
        (
            BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "choice", choices = ["-f"] }',
            '"-f" is not',
        ),
        (BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "ref", default = "a..b" }', "a..b"),
        (
            BASE + 'argv = ["x", "{a}", "{b}"]\nparameters.a = { kind = "text" }\n'
            'parameters.b = { kind = "word" }',
            "must be the last",
        ),
        (
            BASE + 'argv = ["x", "{a}", "{b}"]\nparameters.a = { kind = "word", default = "x" }\n'
            'parameters.b = { kind = "word" }',
            "needs a default",
        ),
        ('[run]\nsummary = "x"\nargv = ["x"]', "is a command of ours"),
        ('["Git Log"]\nsummary = "x"\nargv = ["x"]', "small letters"),
        ("x = 3", "must be a table"),
        ("[x", "commands.toml:1:3: "),
    ],
)
def test_a_broken_table_is_refused_with_its_place(text: str, said: str) -> None:
    _, mistakes = _read(text)
    assert any(said in mistake for mistake in mistakes), mistakes
    assert all(re.match(r"commands\.toml:[0-9]+:[0-9]+: ", mistake) for mistake in mistakes)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (BASE + 'argv = ["x", "-n{a}"]\nparameters.a = { kind = "word" }', "3:14"),
        (BASE + 'argv = [\n  "x",\n  "{b}"]', "5:3"),
        (BASE + 'argv = ["x", "{a}"]\nparameters.a = { kind = "wrod" }', "4:18"),
        (BASE + 'argv = ["x"]\n  directory = "/y"', "4:3"),
        (BASE + 'argv = ["x"]\n[x.parameters.a]\nkind = "word"', "4:2"),
        ('\n ["Git Log"]\nsummary = "x"\nargv = ["x"]', "2:3"),
    ],
)
def test_the_place_is_that_of_the_word_to_change(text: str, place: str) -> None:
    _, (mistake, *_) = _read(text)
    assert mistake.startswith(f"commands.toml:{place}: ")


# --- what ships

HOSTILE = """[core]
  fsmonitor = touch {pwned}-fsmonitor; false
  pager = touch {pwned}-pager; cat
  hooksPath = {hooks}
  sshCommand = touch {pwned}-ssh
[diff]
  external = touch {pwned}-external
[diff "evil"]
  textconv = touch {pwned}-textconv; cat
  command = touch {pwned}-command
[pager]
  log = touch {pwned}-pager
  diff = touch {pwned}-pager
[log]
  showSignature = true
[gpg]
  program = {hooks}/gpg
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A repository whose own configuration tries to run something at every turn."""
    assert GIT is not None
    root = tmp_path / "hostile"
    root.mkdir()
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    _git(root, "init", "--quiet", "-b", "main")
    (root / "a.txt").write_text("one\n")
    (root / ".gitattributes").write_text("*.txt diff=evil\n")
    _git(root, "add", ".")
    _git(root, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-m", "first")
    (root / "a.txt").write_text("two\n")
    for name in ("post-index-change", "pre-auto-gc", "reference-transaction", "gpg"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/PWNED-{name}\n")
        (hooks / name).chmod(0o755)
    with (root / ".git" / "config").open("a") as config:
        config.write(HOSTILE.format(pwned=tmp_path / "PWNED", hooks=hooks))
    return root


def _git(root: Path, *arguments: str) -> None:
    _run(root, ("git", *arguments))


def _run(root: Path, argv: tuple[str, ...]) -> str:
    done = subprocess.run(
        argv,
        cwd=root,
        env={"PATH": os.defpath, "HOME": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(GIT is None, reason="no git on this machine")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("git status", " M a.txt"),
        ("git log", "first"),
        ("git log 1", "first"),
        ("git diff", "+two"),
        ("git diff main", "+two"),
        ("git branch", "* main"),
        ("git show HEAD", "+one"),
        ("git show main", "+one"),
    ],
)
def test_the_shipped_git_commands_run_nothing_of_a_hostile_repository(
    tmp_path: Path, hostile: Path, words: str, shown: str
) -> None:
    found = find(disk.shipped(tmp_path).recipes(), words.split())
    assert found is not None
    argv = bind(*found)
    assert not isinstance(argv, Mistake)
    assert shown in _run(hostile, argv)
    assert list(tmp_path.glob("PWNED*")) == []


@pytest.mark.skipif(GIT is None, reason="no git on this machine")
def test_the_hostile_repository_is_hostile(tmp_path: Path, hostile: Path) -> None:
    _git(hostile, "diff")
    _git(hostile, "status")
    assert list(tmp_path.glob("PWNED*")) != []


def test_only_deploying_asks_and_only_looking_runs_beside_a_writer(tmp_path: Path) -> None:
    shipped = disk.shipped(tmp_path).recipes()
    assert [recipe.name for recipe in shipped if recipe.approval] == [
        "deploy",
        "commit",
        "push",
        "pr",
    ]
    assert all(recipe.parallel == (recipe.words[0] == "git") for recipe in shipped)


@pytest.mark.parametrize("words", ["git show", "git show -p", "git show --output=x", "deploy a/b",
                                   "deploy", "git log 0", "git diff a..b", "test x"])  # fmt: skip
def test_wrong_words_are_a_sentence(tmp_path: Path, words: str) -> None:
    found = find(disk.shipped(tmp_path).recipes(), words.split())
    assert found is not None
    assert isinstance(bind(*found), Mistake)
