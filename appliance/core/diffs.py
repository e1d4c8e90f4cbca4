"""What git says is between two trees, read strictly: lists of files, and the lines of one.

What git prints comes from a repository that anybody may have written. Whatever does not have the
form that we asked for is refused whole (`BadDiff`): a change that is shown wrongly is worse than
one that is not shown. Names are bytes, as the file system has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class BadDiff(ValueError):
    """Not the output that git was asked for; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a job changed; lines of binary files are not counted."""

    files: int = 0
    added: int = 0
    removed: int = 0


class Kind(StrEnum):
    """What happened to a file, in git's letters."""

    ADDED = "A"
    DELETED = "D"
    MODIFIED = "M"
    RENAMED = "R"
    RETYPED = "T"  # a file became a link, say


LINK, REPOSITORY = "120000", "160000"
NOTHING = "000000"


@dataclass(frozen=True, slots=True)
class Side:
    """A file on one side: its mode ("000000": it is not there) and its content's id."""

    path: bytes
    mode: str
    blob: str

    @property
    def is_there(self) -> bool:
        return self.mode != NOTHING


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file. `added` and `removed` are None where its content is not text."""

    kind: Kind
    old: Side
    new: Side
    added: int | None
    removed: int | None

    @property
    def path(self) -> bytes:
        return self.new.path

    @property
    def is_binary(self) -> bool:
        return self.added is None

    @property
    def sides(self) -> tuple[Side, ...]:
        """What was where before: two sides for a file that was renamed, the new one then empty."""
        if self.kind is not Kind.RENAMED:
            return (Side(self.path, self.old.mode, self.old.blob),)
        return self.old, Side(self.path, NOTHING, "0" * len(self.old.blob))


def counts(changes: Iterable[FileChange]) -> Counts:
    changes = tuple(changes)
    return Counts(
        len(changes),
        sum(change.added or 0 for change in changes),
        sum(change.removed or 0 for change in changes),
    )


_BLOB = r"(?:[0-9a-f]{64}|[0-9a-f]{40})"
_RAW = re.compile(rf":([0-7]{{6}}) ([0-7]{{6}}) ({_BLOB}) ({_BLOB}) ([ADMT]|R[0-9]{{1,3}})")
_NUMBERS = re.compile(r"([0-9]{1,12}|-)\t([0-9]{1,12}|-)\t(.*)", re.DOTALL)


def changes(listing: bytes) -> tuple[FileChange, ...]:
    """The output of `git diff-tree -r -z --raw --numstat`. Raises BadDiff."""
    if listing and not listing.endswith(b"\0"):
        raise BadDiff("the list of files is cut off")
    fields = iter(listing.split(b"\0")[:-1])
    raw: list[tuple[Kind, Side, Side]] = []
    found: list[FileChange] = []
    for field in fields:
        if field.startswith(b":") and not found:
            raw.append(_raw(field, fields))
        elif len(found) < len(raw):
            found.append(_with_numbers(field, fields, *raw[len(found)]))
        else:
            raise BadDiff("there are more numbers than files")
    if len(found) != len(raw):
        raise BadDiff(f"{len(raw)} files and {len(found)} numbers")
    if len({change.path for change in found}) != len(found):
        raise BadDiff("a file is there twice")
    return tuple(found)


def _raw(field: bytes, fields: Iterator[bytes]) -> tuple[Kind, Side, Side]:
    match = _RAW.fullmatch(field.decode("ascii", "replace"))
    if match is None:
        raise BadDiff(f"not a change of a file: {field[:80]!r}")
    old_mode, new_mode, old_blob, new_blob, letter = match.groups()
    kind = Kind(letter[0])
    old_path = new_path = _path(fields)
    if kind is Kind.RENAMED:
        new_path = _path(fields)
    old, new = Side(old_path, old_mode, old_blob), Side(new_path, new_mode, new_blob)
    if (old.is_there, new.is_there) != (kind is not Kind.ADDED, kind is not Kind.DELETED):
        raise BadDiff(f"{letter} and its modes contradict each other")
    return kind, old, new


def _with_numbers(
    field: bytes, fields: Iterator[bytes], kind: Kind, old: Side, new: Side
) -> FileChange:
    match = _NUMBERS.fullmatch(field.decode("utf-8", "surrogateescape"))
    if match is None:
        raise BadDiff(f"not the numbers of a file: {field[:80]!r}")
    added, removed, name = match.groups()
    path = name.encode("utf-8", "surrogateescape")
    paths = (path, path) if path else (_path(fields), _path(fields))
    if paths != (old.path, new.path) or (added == "-") != (removed == "-"):
        raise BadDiff(f"the numbers are of another file: {field[:80]!r}")
    if added == "-":
        return FileChange(kind, old, new, None, None)
    return FileChange(kind, old, new, int(added), int(removed))


def _path(fields: Iterator[bytes]) -> bytes:
    """A name inside the project: what is not is never given to anything that writes."""
    path = next(fields, b"")
    parts = path.split(b"/")
    if b"" in parts or b"." in parts or b".." in parts:
        raise BadDiff(f"not a name inside the project: {path[:80]!r}")
    return path


def index_lines(sides: Iterable[Side]) -> bytes:
    """What `git update-index -z --index-info` reads: the sides, gone where they are not there."""
    return b"".join(
        f"{side.mode if side.is_there else 0} {side.blob}\t".encode() + side.path + b"\0"
        for side in sides
    )


# --- the lines of one file


class Sign(StrEnum):
    """What a line of a patch says."""

    HEAD = "@"
    SAME = " "
    ADDED = "+"
    REMOVED = "-"
    NOTE = "\\"  # "No newline at end of file"


@dataclass(frozen=True, slots=True)
class Line:
    """`text` without the sign, but for the head of a hunk, which is all sign."""

    sign: Sign
    text: str

    @property
    def whole(self) -> str:
        """As a patch has it."""
        return self.text if self.sign is Sign.HEAD else f"{self.sign}{self.text}"


_HUNK = re.compile(
    r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@(.*)", re.DOTALL
)


def lines(patch: str) -> tuple[Line, ...]:
    """The hunks of a patch of one file, without what stands before them. Raises BadDiff."""
    rows = iter(_hunks(patch))
    found: list[Line] = []
    for row in rows:
        if row.startswith("\\") and found:  # about the hunk's last line
            found.append(Line(Sign.NOTE, row[1:]))
            continue
        match = _HUNK.fullmatch(row)
        if match is None:
            raise BadDiff(f"not the head of a hunk: {row[:80]!r}")
        found.append(Line(Sign.HEAD, row))
        found += _hunk(rows, int(match[2] or 1), int(match[4] or 1))
    return tuple(found)


def _hunks(patch: str) -> list[str]:
    """Rows from the first hunk on; a file's own line ends (CR, form feed) do not end a row."""
    rows = patch.split("\n")
    if rows.pop():
        raise BadDiff("the patch is cut off")
    start = next((i for i, row in enumerate(rows) if row.startswith("@@")), len(rows))
    return rows[start:]


def _hunk(rows: Iterator[str], old: int, new: int) -> Iterator[Line]:
    """Its lines: `old` of them were there before, `new` are there now."""
    while old > 0 or new > 0:
        row = next(rows, "")
        sign = row[:1]
        if sign not in (" ", "+", "-", "\\"):
            raise BadDiff(f"not a line of a hunk: {row[:80]!r}")
        old -= sign in (" ", "-")
        new -= sign in (" ", "+")
        yield Line(Sign(sign), row[1:])
    if old < 0 or new < 0:
        raise BadDiff("a hunk has other lines than its head says")
