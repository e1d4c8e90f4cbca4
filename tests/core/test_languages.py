"""Every phrase of ours is there in every language, with the same gaps; and none too many."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core import model
from appliance.core.languages import SENTENCES
from appliance.core.preferences import Language

APPLIANCE = Path(model.__file__).parents[1]
SAYING = {"plain": 1, "line": 1, "bold": 1, "italic": 1, "say": 1, "phrase": 1, "plural": 3}
"""What takes a phrase's key, and how many of its first arguments may be keys."""
LABELLED = ("Button",)
GAP = re.compile(r"\{[a-z_]+\}")
FOREIGN = [language for language in Language if language is not Language.ENGLISH]


def keys_of(source: str) -> Iterator[ast.expr]:
    """What stands where a key belongs, in one module."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        for argument in node.args[: SAYING.get(name, 0)]:
            yield from _literals(argument)
        if name in LABELLED and node.args:
            yield from _made_up(node.args[0])


def _literals(argument: ast.expr) -> Iterator[ast.expr]:
    match argument:
        case ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp():
            yield argument
        case ast.IfExp(body=body, orelse=other):
            yield from _literals(body)
            yield from _literals(other)
        case _:  # a phrase, or a text that is nobody's phrase
            return


def _made_up(label: ast.expr) -> Iterator[ast.expr]:
    """A label may be a name, which is nobody's phrase, but no sentence made up from values."""
    return _literals(label)


def modules() -> Iterator[Path]:
    for path in sorted(APPLIANCE.rglob("*.py")):
        if "appliance.core.words" in path.read_text() or path.name in ("words.py", "model.py"):
            yield path


def needs_a_line(key: str) -> bool:
    return any(map(str.isalpha, GAP.sub("", key)))


def said() -> dict[str, str]:
    """Every key, and where it is said."""
    found = dict.fromkeys(model._MONTHS, "core/model.py")
    found["{day} {month}"] = "core/model.py"
    for path in modules():
        for key in keys_of(path.read_text()):
            if isinstance(key, ast.Constant):
                found[str(key.value)] = f"{path.relative_to(APPLIANCE)}:{key.lineno}"
    return found


SAID = said()


def test_no_key_is_made_up_from_values() -> None:
    made_up = [
        f"{path.relative_to(APPLIANCE)}:{key.lineno}"
        for path in modules()
        for key in keys_of(path.read_text())
        if not isinstance(key, ast.Constant)
    ]
    assert made_up == []


@pytest.mark.parametrize("language", FOREIGN)
def test_every_phrase_is_there(language: Language) -> None:
    missing = {
        key: where
        for key, where in SAID.items()
        if needs_a_line(key) and key not in SENTENCES[language]
    }
    assert missing == {}


@pytest.mark.parametrize("language", FOREIGN)
def test_no_line_is_unused(language: Language) -> None:
    assert sorted(SENTENCES[language].keys() - SAID.keys()) == []


@pytest.mark.parametrize("language", FOREIGN)
def test_a_line_has_the_gaps_of_its_phrase(language: Language) -> None:
    wrong = [
        key
        for key, line in SENTENCES[language].items()
        if sorted(set(GAP.findall(key))) != sorted(set(GAP.findall(line)))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", FOREIGN)
def test_a_line_begins_and_ends_as_its_phrase_does(language: Language) -> None:
    """A blank or a line break at either end joins it to what stands beside it."""
    wrong = [key for key, line in SENTENCES[language].items() if _ends(key) != _ends(line)]
    assert wrong == []


def _ends(text: str) -> tuple[bool, bool]:
    return text != text.lstrip(), text != text.rstrip()
