"""The lines in our own words, read by shfmt: a second parser of bash must see the same commands.

bash tells only what it runs; shfmt sees the branches that are not taken, too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.policy import shell
from appliance.policy.atoms import Unclear
from appliance.policy.shell import script as tree
from tests.attacks.policy.hostile_lines import Lines

SHFMT = shutil.which("shfmt")
IS_CI = os.environ.get("CI") == "true"  # noqa: TID251 - there it must not be skipped
LINES = 1_500


PRINTED = "$()"


def _calls(node: Any) -> Iterator[list[str]]:
    """The words of every simple command that shfmt sees, in order; what is printed in a word
    stands as `PRINTED`, and the commands that print it come next."""
    if isinstance(node, list):
        for one in node:
            yield from _calls(one)
    elif isinstance(node, dict):
        if node.get("Type") == "CallExpr":
            words = node.get("Args", [])
            yield ["".join(map(_value, word["Parts"])) for word in words]
            yield from _calls(words)
        else:
            for one in node.values():
                yield from _calls(one)


def _value(part: Any) -> str:
    match part["Type"]:
        case "DblQuoted":
            return "".join(map(_value, part.get("Parts", [])))
        case "ParamExp":
            return f"${part['Param']['Value']}"
        case "CmdSubst":
            return PRINTED
        case _:
            return str(part.get("Value", ""))


def _commands(node: tree.Node | None) -> Iterator[list[str]]:
    """The same, as we see it. `time` is a word for us and syntax for shfmt."""
    match node:
        case None:
            return
        case tree.Command(words):
            yield list(map(_word, words))
            for inner in _printing(words):
                yield from _commands(inner)
        case tree.Not(body) | tree.Block(body) | tree.Loop(_, body):
            yield from _commands(body)
        case tree.Sequence(parts) | tree.Pipeline(parts):
            for part in parts:
                yield from _commands(part)
        case tree.AndOr(first, rest):
            for part in (first, *(part for _, part in rest)):
                yield from _commands(part)
        case tree.If(condition, then, otherwise):
            for branch in (condition, then, otherwise):
                yield from _commands(branch)


def _printing(words: tuple[str, ...]) -> list[tree.Sequence]:
    late = [word for word in words if isinstance(word, shell.Late)]
    return [inner for word in late for inner in word.inner]


def _word(word: str) -> str:
    """With each `$(…)` as `PRINTED`: its commands are compared on their own."""
    for inner in _printing((word,)):
        gap = " " if inner.text.startswith("(") else ""
        word = word.replace(f"$({gap}{inner.text})", PRINTED)
    return word


@pytest.mark.skipif(SHFMT is None and not IS_CI, reason="shfmt is not installed (package shfmt)")
def test_shfmt_sees_the_same_commands() -> None:
    lines, ours, texts = Lines(20_261_122), [], []
    for _ in range(LINES):
        try:
            text = shell.read(lines.line()).text
            script = shell.read(text)
        except Unclear:
            continue
        if any(word in text for word in ("time", "CI=1", "x=1")):
            continue  # settings and `time` are no words for shfmt
        ours += list(_commands(script.body))
        texts.append(text)
    assert SHFMT is not None, "shfmt is needed here: it is in .ci/run"
    read = subprocess.run(
        [SHFMT, "-ln", "bash", "-tojson"],
        input="\n".join(texts),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    theirs = list(_calls(json.loads(read.stdout)["Stmts"]))
    assert len(texts) > LINES / 10
    for our, their in zip(ours, theirs, strict=True):
        assert our == their
