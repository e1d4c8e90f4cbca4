"""Copies of a log that others keep: asked for record by record, and the same in the end."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import copies, wire
from appliance.audit.database import DATABASE
from appliance.audit.rights import Rights
from appliance.audit.verify import Depth, Verdict, verify
from appliance.audit.writer import prepare
from appliance.core.anchors import stated
from appliance.core.events import RequestAllowed
from appliance.errors import AuditUnavailable
from tests.audit.kept_log import kept, long
from tests.audit.logs import ANNA, queued
from tests.audit.serving import ME, served


def contents(database: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("leaf", "payload", "ckpt", "anchor")
        ]


def test_what_was_asked_for_is_the_log(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with kept(tmp_path) as (log, administration):
        size = stated(administration.checkpoint()).size
        place = tmp_path / "copy"
        copies.copy_served(administration, size, place, lambda *so: told.append(so))
        assert contents(place) == contents(log.directory / DATABASE)
    found = verify(place, depth=Depth.FULL)
    assert (found.verdict, found.size) == (Verdict.INTACT, size)
    assert len(told) > 3
    assert told[-1] == (size, size)
    assert place.stat().st_mode & 0o777 == 0o600


def test_what_is_added_meanwhile_is_left_out(tmp_path: Path) -> None:
    with kept(tmp_path) as (log, administration):
        size = stated(administration.checkpoint()).size
        log.writer.commit([[prepare(queued())]])
        copies.copy_served(administration, size, tmp_path / "copy", lambda *_: None)
    assert verify(tmp_path / "copy").size == size


def test_the_daemon_cannot_copy_the_log(tmp_path: Path) -> None:
    rights = Rights(writers=frozenset((ME,)), administrators=frozenset())
    with (
        kept(tmp_path, rights) as (_, administration),
        pytest.raises(AuditUnavailable, match="may not read rows here"),
    ):
        administration.stored(0, 10)


def test_a_log_that_is_shorter_than_it_says_is_no_copy(tmp_path: Path) -> None:
    with kept(tmp_path) as (_, administration), pytest.raises(AuditUnavailable, match="ends at"):
        copies.copy_served(administration, 10_000, tmp_path / "copy", lambda *_: None)


class Liar:
    """Somebody who answers with what no log holds."""

    def __init__(self, *rows: bytes) -> None:
        self._rows = rows

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
        return last, self._rows


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"[]",
        b'["sqlite_schema", 1]',
        b'["leaf; DROP TABLE leaf", 1, 1, 1, 1, 1]',
        b'["leaf", 1]',
        b'["leaf", 1, ["zz"], ["00"], null, null]',
        b'["leaf", {}, null, null, null, null]',
        b'["leaf", 7, null, ["00"], null, null]',
        b"\xff",
    ],
)
def test_what_no_log_holds_is_not_copied(row: bytes, tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable):
        copies.copy_served(Liar(row), 5, tmp_path / "copy", lambda *_: None)


def test_the_longest_records_fit_into_an_answer(tmp_path: Path) -> None:
    """Whatever is stored can be asked for: no answer is too long for the wire."""
    with served(tmp_path) as log:
        noise = os.urandom(30_000).hex()
        for _ in range(3):
            log.writer.commit([[prepare(long(1)), prepare(queued())] * 20])
            event = RequestAllowed(
                who=ANNA, act="a", object=noise, project="p", rule="r", input=noise
            )
            log.writer.commit([[prepare(event)]])
        size = log.writer.head().checkpoint.size
        after = 0
        while after < size:
            after, rows = log.writer.stored(after, size)
            wire.write(1, wire.Rows(after, rows))
