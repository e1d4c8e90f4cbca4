"""The change that a recorded edit would make, line by line.

An edit is recorded as it was asked about: the tool and the file, then what goes with "- " and
what comes with "+ " before each line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

KEPT, REMOVED, ADDED = " ", "-", "+"


@dataclass(frozen=True, slots=True)
class Change:
    """`title` is tool and file; each line comes with KEPT, REMOVED or ADDED."""

    title: str
    lines: tuple[tuple[str, str], ...]


def change(text: str) -> Change | None:
    """The change that a recorded input describes; None when it describes something else."""
    title, *lines = text.split("\n")
    if not lines or any(line[:2] not in ("- ", "+ ") for line in lines):
        return None
    signs = "".join(line[0] for line in lines)
    if "+-" in signs:
        return None
    old = [line[2:] for line in lines if line[0] == REMOVED]
    new = [line[2:] for line in lines if line[0] == ADDED]
    return Change(title, tuple(_compared(old, new)))


def _compared(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    """What both begin and end with is kept.

    Not the smallest difference, but found in one pass: who writes the lines may want us to search
    for ever.
    """
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    end = len(old) - tail
    return [
        *((KEPT, line) for line in old[:head]),
        *((REMOVED, line) for line in old[head:end]),
        *((ADDED, line) for line in new[head : len(new) - tail]),
        *((KEPT, line) for line in old[end:]),
    ]


def _common(one: list[str], other: list[str]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
