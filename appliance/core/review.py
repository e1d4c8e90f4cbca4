"""How a change is laid out for a phone: pages of a file, and the tokens that name them.

A page's whole state is in its button: the job, the file's place in the list, the part of the
file. What they mean is looked up in the job's snapshots, which do not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.commands import CommitChanges, Fate, RevertChanges, SettleTree, ShowChanges
from appliance.core.diffs import Line, Sign
from appliance.core.hidden import readable
from appliance.core.model import JobId
from appliance.core.redact import redact

NARROW_COLUMNS = 42
"""A phone shows so many signs of code in a line before it breaks it."""

WIDE_LINES = 1
"""So many lines may be wider on a page that is still shown as text."""

LINES_OF_PAGE = 36
CHARACTERS_OF_PAGE = 2_600
LONGEST_LINE = 600
"""Signs of one line that are shown; minified files have lines of megabytes."""

MAX_PAGES = 200


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a file's change; `number` counts from zero."""

    lines: tuple[Line, ...]
    number: int
    of: int

    @property
    def is_wide(self) -> bool:
        """Whether a phone would break so many lines that a picture is easier to read."""
        wide = sum(1 for line in self.lines if len(line.whole) > NARROW_COLUMNS)
        return wide > WIDE_LINES


def presentable(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines without secrets and without signs that hide what they say; tabs as blanks.

    A secret may go over several lines: what is left of them has no longer the lines of a patch.
    """
    rows = [line.whole.expandtabs(4) for line in _without_returns(lines)]
    text = redact("\n".join(rows))
    return tuple(_line(readable(row)) for row in text.split("\n")) if lines else ()


def _without_returns(lines: Sequence[Line]) -> Sequence[Line]:
    """Where every line ends as on Windows, nobody wants to see it at each."""
    code = [line for line in lines if line.sign not in (Sign.HEAD, Sign.NOTE)]
    if not all(line.text.endswith("\r") for line in code):
        return lines
    return [Line(line.sign, line.text.removesuffix("\r")) for line in lines]


def _line(row: str) -> Line:
    if len(row) > LONGEST_LINE:
        row = row[: LONGEST_LINE - 1] + "…"
    if row.startswith("@@"):
        return Line(Sign.HEAD, row)
    return Line(Sign(row[0]), row[1:]) if row[:1] in tuple(Sign) else Line(Sign.SAME, row)


def page(lines: Sequence[Line], number: int) -> Page:
    """The page of this number, or the last one if there are not so many."""
    pages = _pages(lines)
    number = min(number, len(pages) - 1)
    return Page(pages[number], number, len(pages))


def _pages(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    pages: list[list[Line]] = [[]]
    characters = 0
    for line in lines:
        width = len(line.whole) + 1
        is_full = len(pages[-1]) >= LINES_OF_PAGE or characters + width > CHARACTERS_OF_PAGE
        if pages[-1] and is_full:
            if len(pages) == MAX_PAGES:
                break
            pages.append([])
            characters = 0
        pages[-1].append(line)
        characters += width
    return [tuple(found) for found in pages]


class Under(StrEnum):
    """Under what a button is; the first letters of its token."""

    TEXT = "v"
    PICTURE = "vn"


def list_token(job: JobId, under: Under = Under.TEXT) -> str:
    return f"{under}:{job}"


def file_token(job: JobId, place: int, part: int = 0, under: Under = Under.TEXT) -> str:
    """`place` counts from one."""
    return f"{under}:{job}:{place}:{part}" if part else f"{under}:{job}:{place}"


def pressed(token: str) -> ReviewCommand | None:
    """What a button under a change asks for; None: it is another button."""
    kind, _, value = token.partition(":")
    if kind in tuple(Under):
        page = read_token(value)
        return ShowChanges(*page, is_anew=kind == Under.PICTURE) if page is not None else None
    if kind not in _BUTTONS or not re.fullmatch(r"[1-9][0-9]{0,9}", value):
        return None
    return _BUTTONS[kind](JobId(int(value)))


ReviewCommand = ShowChanges | RevertChanges | CommitChanges | SettleTree

_BUTTONS: Mapping[str, Callable[[JobId], ReviewCommand]] = {
    "vw": lambda job: ShowChanges(job, whole=True),
    "vr": RevertChanges,
    "vz": lambda job: RevertChanges(job, is_sure=True),
    "vc": CommitChanges,
    "vm": lambda job: SettleTree(job, Fate.MERGE),
    "vk": lambda job: SettleTree(job, Fate.KEEP),
    "vx": lambda job: SettleTree(job, Fate.REMOVE),
    "vy": lambda job: SettleTree(job, Fate.REMOVE, is_sure=True),
}


def typed(command: ReviewCommand) -> str:
    """What to write instead of pressing the button."""
    match command:
        case ShowChanges(job=job, whole=True):
            return f"/diff {job} all"
        case ShowChanges(job=job, file=file, part=part):
            numbers = (job, file, part + 1) if part else (job, file) if file else (job,)
            return " ".join(("/diff", *map(str, numbers)))
        case RevertChanges(job=job, is_sure=sure):
            return f"/revert {job} yes" if sure else f"/revert {job}"
        case CommitChanges():
            return "/commit MESSAGE"
        case SettleTree(job=job, fate=fate, is_sure=sure):
            return f"/tree {fate} {job} yes" if sure else f"/tree {fate} {job}"


_TOKEN = re.compile(r"([1-9][0-9]{0,9})(?::([1-9][0-9]{0,5})(?::([0-9]{1,5}))?)?")


def read_token(value: str) -> tuple[JobId, int, int] | None:
    """Job, place of the file (0: the list) and part, of what follows "v:"."""
    match = _TOKEN.fullmatch(value)
    if match is None:
        return None
    return JobId(int(match[1])), int(match[2] or 0), int(match[3] or 0)
