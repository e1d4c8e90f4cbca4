"""The file itself: triggers, bytes, settings, disks that fail."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audit.database import DATABASE
from appliance.audit.verify import Depth, Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.errors import AuditUnavailable
from tests.attacks.audit.intruder import (
    run,
    tampered,
    unprotected,
)
from tests.audit.logs import ANNA, BOOT, FailingConnection, allowed, sample
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE leaf SET rec=x'00' WHERE seq=2",
        "DELETE FROM leaf WHERE seq=2",
        "INSERT OR REPLACE INTO leaf SELECT 2, rec, h, root, sig FROM leaf WHERE seq=3",
        "REPLACE INTO leaf SELECT * FROM leaf",
        "INSERT INTO leaf SELECT 1000, rec, h, root, sig FROM leaf WHERE seq=3",
        "UPDATE ckpt SET note=''",
        "DELETE FROM ckpt",
        "UPDATE payload SET value=''",
        "INSERT INTO leaf(seq, rec, h) VALUES ((SELECT max(seq)+1 FROM leaf), 1, zeroblob(32))",
    ],
)
def test_accidents_are_refused_by_the_database_itself(statement: str, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


def test_a_dropped_trigger_is_remarked(database: Path) -> None:
    run(database)
    assert any("TRIGGER leaf_UPDATE" in remark for remark in verify(database).remarks)


def test_a_trigger_dropped_and_a_record_edited_by_another_process(database: Path) -> None:
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('DROP TRIGGER leaf_UPDATE');"
        "c.execute(\"UPDATE leaf SET rec=replace(CAST(rec AS TEXT), 'git log', 'git tag')\");"
        "c.commit()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, database], capture_output=True, text=True, check=False
    )
    if result.returncode:  # STRICT tables refuse text where bytes belong
        assert "leaf.rec" in result.stderr
        run(
            database,
            "UPDATE leaf SET rec=CAST(replace(CAST(rec AS TEXT), 'git log', 'git tag') AS BLOB)",
        )
    tampered(database, "does not match its hash", 2)


# --- bits


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a log with all that a log can have."""
    directory = tmp_path_factory.mktemp("untouched")
    sample(directory)
    with closing(Writer(directory, FakeClock(1_800_000_100_000), BOOT)) as writer:
        note = writer.head()
        writer.record_anchor(note.checkpoint.size, "telegram", str(note))
        writer.redact(6, "input", "a customer's name", ANNA)
        writer.prune(4, "retention", ANNA)
    return (directory / DATABASE).read_bytes()


def flipped(content: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_of_the_file_is_found_or_changes_nothing(
    data: st.DataObject, untouched: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("flip") / DATABASE
    path.write_bytes(untouched)
    before = _everything(path)
    path.write_bytes(flipped(untouched, data))
    found = verify(path, depth=Depth.FULL)
    assert found.verdict is not Verdict.INTACT or _everything(path) == before


COLUMNS = [
    *(("leaf", column) for column in ("seq", "rec", "h", "root", "sig")),
    *(("payload", column) for column in ("seq", "name", "salt", "value")),
    *(("ckpt", column) for column in ("size", "note", "reason", "peaks")),
]


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=map(".".join, COLUMNS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_of_what_is_stored_is_found(
    data: st.DataObject,
    table: str,
    column: str,
    untouched: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("flip") / DATABASE
    path.write_bytes(untouched)
    with unprotected(path) as connection:
        connection.text_factory = bytes
        key = "seq, name" if table == "payload" else "NULL, rowid"
        rows = connection.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} NOT NULL")
        first, second, value = data.draw(st.sampled_from(rows.fetchall()))
        if isinstance(value, int):
            changed: object = value ^ 1 << data.draw(st.integers(0, 40))
        else:
            changed = flipped(value, data)
        kind = "TEXT" if column in ("name", "value", "note", "reason") else "BLOB"
        new = "?" if isinstance(value, int) else f"CAST(? AS {kind})"
        which = "seq=? AND name=CAST(? AS TEXT)" if table == "payload" else "? IS NULL AND rowid=?"
        try:
            connection.execute(
                f"UPDATE {table} SET {column}={new} WHERE {which}", (changed, first, second)
            )
        except sqlite3.IntegrityError:
            return  # it would be in the place of another one
    assert verify(path, depth=Depth.FULL).verdict is Verdict.TAMPERED


def _everything(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        return [
            row
            for table in ("leaf", "payload", "ckpt")
            for row in connection.execute(f"SELECT * FROM {table}").fetchall()
        ]


# --- settings and disks


class NotSynced(sqlite3.Connection):
    """SQLite set up by somebody who prefers speed."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), parameters)


def test_a_database_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="synchronous is 1"):
        Writer(tmp_path, FakeClock(), BOOT, factory=NotSynced)


@pytest.mark.parametrize("reason", ["disk I/O error", "database or disk is full"])
def test_a_commit_that_fails_is_acknowledged_neither_then_nor_later(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, FakeClock(), BOOT, factory=FailingConnection)
    monkeypatch.setattr(FailingConnection, "broken", reason)
    with pytest.raises(AuditUnavailable, match=reason):
        writer.commit([[prepare(allowed(1))]])
    monkeypatch.setattr(FailingConnection, "broken", "")
    for _ in range(2):
        with pytest.raises(AuditUnavailable, match=reason):
            writer.commit([[prepare(allowed(2))]])
    writer.close()
    found = verify(tmp_path / DATABASE)
    assert (found.verdict, found.size) == (Verdict.INTACT, 1)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_verification_finds_the_same_each_time(
    data: st.DataObject, untouched: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("flip") / DATABASE
    path.write_bytes(flipped(untouched, data))
    for depth in Depth:
        assert verify(path, depth=depth) == verify(path, depth=depth)
