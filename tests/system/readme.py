"""README's section Install, to be typed by tests as it is printed.

What is of one's own there is marked with "# yours", and only that can be replaced.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"^ {4}\S.*\n(?:(?: {4}.*)?\n)*", re.MULTILINE)
_YOURS = re.compile(r"^(?P<key>\w+) = (?P<value>\S+)(?P<rest> +# yours\b.*)$", re.MULTILINE)


def blocks() -> list[str]:
    """The blocks of code of the section, as shell scripts."""
    section = README.read_text().partition("\n## Install\n")[2].partition("\n## ")[0]
    return [f"{textwrap.dedent(block).rstrip()}\n" for block in _BLOCK.findall(section)]


def with_yours(block: str, values: Mapping[str, str]) -> str:
    """The block with other values, written in TOML. Raises KeyError for what is not marked."""

    def line(found: re.Match[str]) -> str:
        return f"{found['key']} = {values.get(found['key'], found['value'])}{found['rest']}"

    marked = {found["key"] for found in _YOURS.finditer(block)}
    if wrong := values.keys() - marked:
        raise KeyError(f"{README.name} does not mark as one's own: {', '.join(sorted(wrong))}")
    return _YOURS.sub(line, block)
