"""What is said about a line, and its kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.core.model import Rule


class Kind(StrEnum):
    """What is the matter with a line."""

    UNREACHABLE = "unreachable"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"
    CONFLICTING = "conflicting"
    GIVES_WAY = "gives way"
    TOO_WIDE = "too wide"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is the line to look at, `other` the one it is about, where there is one."""

    kind: Kind
    rule: Rule
    other: Rule | None
    what: str
    advice: str
