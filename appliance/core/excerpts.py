"""A page of the log for somebody far from the host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record of the log in a few words; `what` is data, whatever it says."""

    seq: int
    at: int
    who: str
    kind: str
    what: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Records that are what was signed, newest first.

    `first` is the oldest one that was looked at, `size` the number of all. The newest checkpoint
    that is kept elsewhere is of `anchored` records and was made at `anchored_at`; 0: there is none.
    """

    lines: tuple[LogLine, ...]
    first: int
    size: int
    anchored: int
    anchored_at: int
