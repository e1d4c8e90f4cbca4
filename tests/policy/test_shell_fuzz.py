"""What `shell.commands` accepts is what bash runs: hostile lines, held against the real bash.

Every program is missing, so bash only tells which words it would have run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.policy import shell
from appliance.policy.atoms import Unclear

BASH = shutil.which("bash")
LINES = 800

TELL = r"""command_not_found_handle() {
  local all="" word
  # one line, one write: the programs of a pipeline tell at the same time
  for word in "$@"; do all+="${word//$'\n'/$'\x1d'}"$'\x1f'; done
  printf '%s\x1e' "$all" >> "$TOLD"
}
"""
NAMES = [f"c{number}" for number in range(1, 7)]
WORDS = [
    "a", "-x", "--long=v", "'q;r'", '"s && t"', "'#h'", "a#b", "x=y", "-", "--", "'multi word'",
    '"it\'s"', "''", '""', "HEAD~1", "~", "a~", "a:~", "=c1", "^", "%1", "+x", "@", ",", "a,b",
    "*.zz", "{a,b}", "[x]", "\\;", "a\\\nb", "$v", '"$v"', "$(c1)", "`c1`", "<(c1)", "é", "'é'",
    "'unbal", '"a\nb"', "'a\nb'", "$'c1'", '$"c1"', "!", '"!"', "a''b", "'a'b\"c\"", "#", "\\ ",
    '"\\"', "'\\'", "a\rb", "\x00", "\x1f",
]  # fmt: skip
ODD_NAMES = ["if", "!", "{", "}", "time", "c1''", "'c1'", '"c2"', "c\\3", "x=1", "[[", "(c1)", "~"]
JOINTS = [" ; ", ";", "\n", " && ", "&&", " || ", "||", " | ", "|", "\n\n", " ;\n", " &&\n"]
ODD_JOINTS = [" & ", "|&", ";;", " ;& ", "\\\n", " # ", "\r\n", "\t", " >o ", " 2>&1 ", " <<E\n"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "tell.sh").write_text(TELL)
    (tmp_path / "empty").mkdir()
    return tmp_path


def _line(source: random.Random) -> str:
    parts = [_simple(source)]
    for _ in range(source.choice([0, 0, 1, 1, 2])):
        odd = source.random() < 0.08
        parts += [source.choice(ODD_JOINTS if odd else JOINTS), _simple(source)]
    return "".join(parts)


def _simple(source: random.Random) -> str:
    name = source.choice(ODD_NAMES if source.random() < 0.05 else NAMES)
    words = [name, *(source.choice(WORDS) for _ in range(source.choice([0, 1, 1, 2])))]
    return source.choice([" ", " ", "  ", "\t"]).join(words)


def _run(line: str, directory: Path, number: int) -> list[shell.Words]:
    """The words of every program that bash tried to run."""
    assert BASH is not None
    told = directory / f"told-{number}"
    environment = {
        "PATH": "/nonexistent",
        "BASH_ENV": str(directory / "tell.sh"),
        "TOLD": str(told),
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
    }
    subprocess.run(
        [BASH, "-c", line],
        cwd=directory / "empty",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    calls = told.read_text().split("\x1e")[:-1] if told.exists() else []
    return [tuple(call.replace("\x1d", "\n").split("\x1f")[:-1]) for call in calls]


@pytest.mark.skipif(BASH is None, reason="no bash on this machine")
def test_bash_runs_nothing_that_was_not_seen(directory: Path) -> None:
    source = random.Random(20_261_121)
    accepted = 0
    for number in range(LINES):
        line = _line(source)
        try:
            seen = shell.commands(line)
        except Unclear:
            continue
        if any(shell.why_unclear(words) for words in seen):
            continue
        accepted += 1
        for ran in _run(line, directory, number):
            assert ran in seen, f"{line!r}: bash ran {ran}, seen were {seen}"
    assert accepted > LINES / 10, "the generator is too wild to test anything"
