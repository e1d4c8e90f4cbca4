"""The section of a project in the text of dispatch.toml: added or taken out, all else left alone.

Comments and layout are the administrator's, so the text is cut and not written anew. What comes of
it is for `config.load` to judge before it replaces anything.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from appliance.core import toml
from appliance.errors import ConfigError

BY_HAND = "change the file by hand, then: dispatchctl project apply"


def path_in(file: str, text: str, name: str) -> str | None:
    """The path that the text gives a project; None when it names no such project.

    Raises ConfigError when the text is no TOML.
    """
    section = _document(file, text).values.get("projects")
    table = section.get(name) if isinstance(section, dict) else None
    path = table.get("path") if isinstance(table, dict) else None
    return path if isinstance(path, str) else None


def with_project(text: str, name: str, path: str) -> str:
    """The text with a section at its end."""
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f'{text}{gap}[projects.{name}]\npath = "{_escaped(path)}"\n'


def without_project(file: str, text: str, name: str) -> str:
    """The text without the lines of a project. Raises ConfigError when they are not its alone."""
    lines = re.split(r"(?<=\n)", text)
    first, end = _lines_of(_document(file, text), name, len(lines))
    while end > first and _is_remark(lines[end - 1]):
        end -= 1  # what stands above the next section is about that one
    shorter = "".join(lines[:first] + lines[end:])
    if _values_without(shorter, name) != _values_without(text, name):
        raise ConfigError(f"[projects.{name}] of {file} shares its lines with others", hint=BY_HAND)
    return shorter


def _document(file: str, text: str) -> toml.Document:
    mistakes: list[str] = []
    document = toml.parse(file, text, mistakes)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return document


def _lines_of(document: toml.Document, name: str, last: int) -> tuple[int, int]:
    """The first line of a project, counted from 0, and where what comes after it begins."""
    own = [place.line for path, place in document.places.items() if path[:2] == ("projects", name)]
    others = [
        place.line
        for path, place in document.places.items()
        if path[:2] != ("projects", name) and place.line > max(own)
    ]
    return min(own) - 1, min(others, default=last + 1) - 1


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _values_without(text: str, name: str) -> dict[str, Any] | None:
    """What the text says about everything else; None when it is no TOML."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    others = {key: table for key, table in values.get("projects", {}).items() if key != name}
    return {**values, "projects": others}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
