"""TOML text to frozen dataclasses, every mistake named by file, line, column and nearest word.

One field is one row: what it takes, its default, a line of help. `read` follows the rows, so a
settings file, its example and its documentation cannot drift apart. tomllib tells the values
but not where they stand: `_Places` finds the place of each key in text that tomllib accepted.

Mistakes are collected, not raised: who edits a file wants to see all of them at once.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Path = tuple[str | int, ...]


# --- the rows of a table


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be. `convert` returns the value as we keep it, None when it is wrong."""

    wants: str
    convert: Callable[[object], object | None]


def row(kind: Kind, summary: str, **default: object) -> Any:
    """A field that `read` fills; without `default=` the key is required."""
    return field(metadata={"kind": kind, "summary": summary}, **default)  # type: ignore[call-overload]


def text(pattern: str = r"[^\x00-\x1f\x7f]*", wants: str = "a text in quotes") -> Kind:
    """A text that `pattern` matches as a whole."""
    return Kind(
        wants, lambda v: v if isinstance(v, str) and re.fullmatch(pattern, v) is not None else None
    )


def whole(low: int, high: int) -> Kind:
    """A whole number from `low` to `high`."""
    return Kind(f"a whole number from {low} to {high}", lambda v: _whole(v, low, high))


def flag() -> Kind:
    return Kind("true or false", lambda v: v if isinstance(v, bool) else None)


def choice(words: Iterable[str]) -> Kind:
    """One of the words."""
    known = tuple(words)
    wants = " or ".join(f'"{word}"' for word in known)
    return Kind(wants, lambda v: v if isinstance(v, str) and v in known else None)


def many(kind: Kind, *, maximum: int = 1000) -> Kind:
    """A list of values of one kind, as a tuple without repetitions being checked."""

    def convert(value: object) -> object | None:
        if not isinstance(value, list) or len(value) > maximum:
            return None
        items = tuple(kind.convert(item) for item in value)
        return None if None in items else items

    return Kind(f"a list in [ ], each {kind.wants}", convert)


def anything() -> Kind:
    """A value that the caller reads by itself."""
    return Kind("a value", lambda v: v)


def _whole(value: object, low: int, high: int) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and isinstance(value, int) and low <= value <= high else None


# --- a document


class Place(NamedTuple):
    """Line and column in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its values, and where each key and list item stands."""

    file: str
    values: Mapping[str, Any]
    places: Mapping[Path, Place]

    def place(self, path: Path) -> Place:
        """Where a key stands, or the nearest table around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))

    def at(self, path: Path) -> str:
        """The same for people: "file:line:column"."""
        line, column = self.place(path)
        return f"{self.file}:{line}:{column}"


def parse(file: str, content: str, mistakes: list[str]) -> Document:
    """The document; an empty one, and a mistake with its place, when the text is no TOML."""
    try:
        values = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        mistakes.append(_syntax_error(file, content, str(error)))
        return Document(file, {}, {})
    except RecursionError:
        mistakes.append(f"{file}:1:1: too many brackets inside each other")
        return Document(file, {}, {})
    return Document(file, values, _Places(content).find())


def _syntax_error(file: str, content: str, message: str) -> str:
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if found is None:
        return f"{file}:1:1: {message}"
    end = content.count("\n") + 1, len(content) - content.rfind("\n")
    line, column = (found[1], found[2]) if found[1] else end
    return f"{file}:{line}:{column}: {message[: found.start()]}"


def read(cls: type[T], document: Document, path: Path, value: object, mistakes: list[str]) -> T:
    """An instance of the row class from the table at `path`.

    What is wrong is added to `mistakes` and the default stands in for it, so that reading goes
    on; with mistakes the result must not be used.
    """
    here = name(path)
    table = value if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        mistakes.append(f"{document.at(path)}: {here} must be a table")
    rows = {f.name: f for f in rows_of(cls)}
    mistakes += [
        f'{document.at((*path, key))}: unknown key "{key}" in {here}{nearest(key, rows)}'
        for key in table.keys() - rows.keys()
    ]
    values = {n: _read_row(f, document, path, table, mistakes) for n, f in rows.items()}
    return cls(**values)


def _read_row(
    f: Field[Any], document: Document, path: Path, table: Mapping[str, Any], mistakes: list[str]
) -> object:
    kind: Kind = f.metadata["kind"]
    if f.name not in table:
        if f.default is MISSING:
            mistakes.append(f'{document.at(path)}: {name(path)} needs "{f.name}": {kind.wants}')
        return f.default
    value = kind.convert(table[f.name])
    if value is None:
        mistakes.append(
            f'{document.at((*path, f.name))}: "{f.name}" in {name(path)} must be {kind.wants}'
        )
        return f.default
    return value


def rows_of(cls: type) -> Iterator[Field[Any]]:
    """The fields of a row class that are made with `row`."""
    return (f for f in fields(cls) if "kind" in f.metadata)


def name(path: Path) -> str:
    """("users", "alice") → "[users.alice]"; the top of the file has no name."""
    if not path:
        return "the file"
    quoted = (p if isinstance(p, str) and _BARE.fullmatch(p) else f'"{p}"' for p in path)
    return f"[{'.'.join(quoted)}]"


def nearest(word: str, known: Iterable[str]) -> str:
    """', did you mean "right"?' for the known word that looks most like `word`, or ""."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f', did you mean "{found[0]}"?' if found else ""


# --- where the keys stand

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]+")


class _Places:
    """Walks through valid TOML and notes where every key and list item stands."""

    def __init__(self, content: str) -> None:
        self._text = content
        self._at = 0
        self._breaks = [i for i, c in enumerate(content) if c == "\n"]
        self._places: dict[Path, Place] = {}
        self._arrays: dict[Path, int] = {}

    def find(self) -> dict[Path, Place]:
        table: Path = ()
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._places

    def _next(self) -> str:
        """The next character that means something, "" at the end."""
        self._skip(_BLANK)
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, "tomllib has accepted this text"
        self._at = found.end()
        return found[0]

    def _note(self, path: Path) -> None:
        line = bisect_right(self._breaks, self._at - 1)
        begin = self._breaks[line - 1] + 1 if line else 0
        self._places.setdefault(path, Place(line + 1, self._at - begin + 1))

    def _header(self) -> Path:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        start = self._at
        path = self._resolve(self._key())
        after, self._at = self._at, start
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
        self._note(path)
        self._at = after
        self._next()
        self._at += 2 if is_array else 1
        return path

    def _resolve(self, key: Path) -> Path:
        """In a header, the name of an array of tables means its latest item."""
        path: Path = ()
        for index, part in enumerate(key):
            path = (*path, part)
            if path in self._arrays and index < len(key) - 1:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = (*table, *self._key())
        after, self._at = self._at, start
        for depth in range(len(table) + 1, len(path) + 1):
            self._note(path[:depth])
        self._at = after
        self._next()
        self._at += 1  # the "="
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            if self._next() in ('"', "'"):
                parts.append(tomllib.loads(f"k = {self._skip(_STRING)}")["k"])
            else:
                parts.append(self._skip(_BARE))
            if self._next() != ".":
                return tuple(parts)
            self._at += 1

    def _value(self, path: Path) -> None:
        match self._next():
            case '"' | "'":
                self._skip(_STRING)
            case "[":
                self._items(path)
            case "{":
                self._inline(path)
            case _:
                self._skip(_SCALAR)

    def _items(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._next() != "]":
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            if self._next() == ",":
                self._at += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._next() != "}":
            self._pair(path)
            if self._next() == ",":
                self._at += 1
        self._at += 1
