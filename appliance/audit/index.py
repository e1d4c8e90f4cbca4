"""The search index: a second database beside the log that can be thrown away at any time.

It answers one question, which records may fit a filter, and is never believed: every record
shown comes from the log and is looked at again. It stores no record, but who can read it can
guess at private values, so it has the owner and the mode of the log, and `forget` deletes it
whenever values are deleted. Who can write it can hide records from a search; `verify`, and a
search without the index, read the log alone.

Facets and text are two full-text tables without content: lists of record numbers are small
(10 bytes a record for all facets) and are intersected faster than rows are filtered. Text is cut
into groups of three characters, so that any part of a word is found.

It is filled by whoever may write beside the log, in transactions whose journal is in memory: a
journal in a file would outlive `forget`. A mark says that an unfinished one may have left
damage; then, and when the log is not the one that was indexed, it is made anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.search import Entry, Filter, Projects, folded, text_of
from appliance.core.model import Millis
from appliance.core.records import decode

INDEX = "index.db"
LAG = 500
"""Records that a search rather reads itself than to write the index for them."""

Report = Callable[[int, int], None]
"""Told how many records of how many have been read."""

_FORMAT = 1
_BATCH = 10_000
_BLOCK = 1_000
_PATIENCE_SECONDS = 2.0
_GRAM = 3
_MAX_GRAMS = 64  # of a text that is looked for; more would hardly leave out another record
_DAMAGED = "damaged"

# plain, because sqlite-utils takes longer to import than most searches take
_SCHEMA = (
    "CREATE TABLE state(size INTEGER NOT NULL, head BLOB NOT NULL, whole INTEGER NOT NULL) STRICT",
    "CREATE TABLE job(id INTEGER PRIMARY KEY, project TEXT NOT NULL) STRICT",
    "CREATE TABLE block(id INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, "
    "latest INTEGER NOT NULL) STRICT",
    "CREATE VIRTUAL TABLE facet USING fts5"
    "(tokens, content='', columnsize=0, detail=none, tokenize=ascii)",
    "CREATE VIRTUAL TABLE text USING fts5"
    "(words, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1')",
    "INSERT INTO state VALUES (0, x'', TRUE)",
)


class IndexDamaged(Exception):
    """It cannot be asked: look at the records instead."""


def unheard(done: int, total: int) -> None:
    """A `Report` to nobody."""


def forget(directory: Path) -> None:
    """Delete the index of the log in this directory, and with it what it knows of values."""
    (directory / INDEX).unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Have the index of this log made anew by the next search, where we may."""
    with suppress(OSError):
        forget(path.parent)


@contextmanager
def opened(path: Path, log: sqlite3.Connection, report: Report) -> Iterator[Index | None]:
    """The index of the log in file `path`, of which `log` is a view; None when there is none.

    It is brought up to date first when that is worth it and we may. What it lacks is behind its
    `size`.
    """
    with suppress(OSError, sqlite3.Error):
        if _lag(path, log) > LAG:
            update(path, log, report)
    try:
        connection = _connect(path.with_name(INDEX), "mode=ro")
    except sqlite3.Error:
        yield None
        return
    with closing(connection):
        state = _state(connection, log)
        yield Index(connection, state.size) if state else None


class Index:
    """What is known of the first `size` records. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self.size = size
        self._connection = connection

    def candidates(self, wanted: Filter) -> Iterator[int]:
        """Numbers of records that may fit, the newest first: all that do, and a few others.

        Raises IndexDamaged.
        """
        first, last = self._span(wanted)
        facets = wanted.facets()
        grams = _grams(folded(wanted.text or ""))
        lists = [
            self._matches("facet", sorted(map(_token, facets)), first, last),
            self._matches("text", [_quoted(gram) for gram in grams], first, last),
        ]
        given = [found for found, terms in zip(lists, (facets, grams), strict=True) if terms]
        return _common(given) if given else iter(range(last, first - 1, -1))

    def damaged(self) -> list[int]:
        """Numbers of records that could not be read."""
        return list(self._matches("facet", [_token(_DAMAGED)], 0, self.size))

    def project_of(self, job: int) -> str:
        """The project of a job, "" when it is not known."""
        return _project_of(self._connection, job)

    def _matches(self, table: str, terms: Sequence[str], first: int, last: int) -> Iterator[int]:
        try:
            for (seq,) in self._connection.execute(
                f"SELECT rowid FROM {table} WHERE {table} MATCH ? "  # noqa: S608 - one of ours
                "AND rowid BETWEEN ? AND ? ORDER BY rowid DESC",
                (" AND ".join(terms), first, last),
            ):
                yield seq
        except sqlite3.Error as error:
            raise IndexDamaged(str(error)) from error

    def _span(self, wanted: Filter) -> tuple[int, int]:
        """First and last record that can be of the wanted time, whatever the clock did."""
        if wanted.since is None and wanted.until is None:
            return 1, self.size
        first, last = self._connection.execute(
            "SELECT min(id), max(id) FROM block "
            "WHERE latest >= ifnull(?, latest) AND earliest < ifnull(?, earliest + 1)",
            (wanted.since, wanted.until),
        ).fetchone()
        if first is None:
            return 1, 0
        return first * _BLOCK, min(last * _BLOCK + _BLOCK - 1, self.size)


# --- asking


def _common(lists: Sequence[Iterator[int]]) -> Iterator[int]:
    """What is in all of these descending lists."""
    first, *others = lists
    for other in others:
        first = _both(first, other)
    return first


def _both(left: Iterator[int], right: Iterator[int]) -> Iterator[int]:
    low = next(right, 0)
    for seq in left:
        while low > seq:
            low = next(right, 0)
        if low == seq:
            yield seq


def _grams(text: str) -> list[str]:
    grams = (text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1))
    return list(dict.fromkeys(grams))[:_MAX_GRAMS]


def _quoted(gram: str) -> str:
    return '"' + gram.replace('"', '""') + '"'


def _token(facet: str) -> str:
    """A facet as one word that every tokenizer leaves alone."""
    return "x" + facet.encode(errors="surrogatepass").hex()


# --- what it is the index of


@dataclass(frozen=True, slots=True)
class _State:
    """`size` records are indexed, the last one has the hash `head`."""

    size: int
    head: bytes


def _state(index: sqlite3.Connection, log: sqlite3.Connection) -> _State | None:
    """What is indexed, None when the index is not whole, or of another log than this one."""
    try:
        (version,) = index.execute("PRAGMA user_version").fetchone()
        if version != _FORMAT:
            return None
        size, head, is_whole = index.execute("SELECT size, head, whole FROM state").fetchone()
    except (sqlite3.Error, TypeError):
        return None
    row = log.execute("SELECT h FROM leaf WHERE seq=?", (size,)).fetchone()
    fits = size == 0 or (row is not None and row[0] == head)
    return _State(size, head) if fits and is_whole else None


def _lag(path: Path, log: sqlite3.Connection) -> int:
    """How many records the index does not know."""
    total = size_of(log)
    try:
        with closing(_connect(path.with_name(INDEX), "mode=ro")) as index:
            state = _state(index, log)
    except sqlite3.OperationalError:
        state = None
    return total - (state.size if state else 0)


def size_of(log: sqlite3.Connection) -> int:
    """How many records a log has."""
    (size,) = log.execute("SELECT ifnull(max(seq), 0) FROM leaf").fetchone()
    return int(size)


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        timeout=_PATIENCE_SECONDS,
    )


# --- filling


def update(path: Path, log: sqlite3.Connection, report: Report) -> None:
    """Index what is missing. Raises OSError or sqlite3.Error where we may not, or another does."""
    with _as_owner(path.parent), closing(_prepared(path, log)) as index:
        _fill(index, log, report)


@contextmanager
def _as_owner(directory: Path) -> Iterator[None]:
    """Let root act as the log's owner: what it makes must be theirs to delete, and nobody who
    owns a directory may lead root astray with a link in it."""
    owner, group = directory.stat().st_uid, os.getegid()
    if os.geteuid() != 0 or owner == 0:
        yield
        return
    os.setegid(directory.stat().st_gid)
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _prepared(path: Path, log: sqlite3.Connection) -> sqlite3.Connection:
    """An index for us alone, made anew unless what is there can be continued."""
    with suppress(sqlite3.DatabaseError):
        index = _taken(path)
        if _state(index, log) is not None:
            return index
        index.close()
    forget(path.parent)
    index = _taken(path)
    _create(index)
    return index


def _taken(path: Path) -> sqlite3.Connection:
    file = path.with_name(INDEX)
    mode = path.stat().st_mode & 0o666
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode))
    connection = _connect(file, "mode=rw")
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # until it is closed
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(index: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        index.execute(statement)
    index.execute(f"PRAGMA user_version={_FORMAT}")


def _fill(index: sqlite3.Connection, log: sqlite3.Connection, report: Report) -> None:
    """Add what is behind. What was added stays when it is cut off."""
    (done,) = index.execute("SELECT size FROM state").fetchone()
    total = size_of(log)
    index.execute("UPDATE state SET whole=FALSE")
    try:
        while done < total:
            last = min(done + _BATCH, total)
            with _transaction(index):
                _add(index, log, done + 1, last)
            done = last
            report(done, total)
    finally:
        index.execute("UPDATE state SET whole=TRUE")


def _add(index: sqlite3.Connection, log: sqlite3.Connection, first: int, last: int) -> None:
    """Index the records `first` to `last`."""
    projects = Projects(lambda job: _project_of(index, job))
    blocks: dict[int, list[Millis]] = {}
    facets: list[tuple[int, str]] = []
    texts: list[tuple[int, str]] = []
    for seq, entry in _entries(log, first, last):
        if entry is None:
            facets.append((seq, _token(_DAMAGED)))
            continue
        facets.append((seq, " ".join(map(_token, projects.facets(entry.record)))))
        texts.append((seq, text_of(entry)))
        blocks.setdefault(seq // _BLOCK, []).append(entry.record.time)
    index.executemany("INSERT INTO facet(rowid, tokens) VALUES (?, ?)", facets)
    index.executemany("INSERT INTO text(rowid, words) VALUES (?, ?)", texts)
    index.executemany(
        "INSERT INTO block VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
        "earliest=min(earliest, excluded.earliest), latest=max(latest, excluded.latest)",
        [(block, min(times), max(times)) for block, times in blocks.items()],
    )
    index.executemany("INSERT OR REPLACE INTO job VALUES (?, ?)", projects.learnt.items())
    (head,) = log.execute("SELECT h FROM leaf WHERE seq=?", (last,)).fetchone()
    index.execute("UPDATE state SET size=?, head=?", (last, head))


def _entries(log: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[int, Entry | None]]:
    """Records that are there, None for those that make no sense."""
    values: dict[int, dict[str, str]] = {}
    for seq, name, value in log.execute(
        "SELECT seq, name, value FROM payload WHERE seq BETWEEN ? AND ?", (first, last)
    ):
        values.setdefault(seq, {})[name] = value
    for seq, rec in log.execute(
        "SELECT seq, rec FROM leaf WHERE seq BETWEEN ? AND ? AND rec NOT NULL", (first, last)
    ):
        try:
            yield seq, Entry(decode(rec), values.get(seq, {}))
        except ValueError:
            yield seq, None


def _project_of(index: sqlite3.Connection, job: int) -> str:
    row = index.execute("SELECT project FROM job WHERE id=?", (job,)).fetchone()
    return row[0] if row else ""


@contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN")
    try:
        yield
        index.execute("COMMIT")
    except BaseException:
        if index.in_transaction:
            index.execute("ROLLBACK")
        raise
