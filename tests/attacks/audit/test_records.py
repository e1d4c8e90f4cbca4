"""Records edited, removed, moved, added: found by hashes, numbers and the tree."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from appliance.audit.database import DATABASE
from appliance.audit.writer import Writer, prepare
from appliance.core.records import encode
from tests.attacks.audit.intruder import (
    harmless,
    put,
    records,
    run,
    tampered,
    unprotected,
)
from tests.audit.logs import BOOT, allowed, sample
from tests.fakes import FakeClock


def test_an_edited_record(database: Path) -> None:
    with unprotected(database) as connection:
        forged = encode(harmless(records(database)[3]))
        connection.execute("UPDATE leaf SET rec=? WHERE seq=4", (forged,))
    tampered(database, "does not match its hash", 4)


def test_an_edited_record_with_its_hash_recomputed(database: Path) -> None:
    put(database, 3, encode(harmless(records(database)[2])))
    tampered(database, "does not follow", 4)


def test_an_edited_last_record_of_a_commit_with_its_hash_recomputed(tmp_path: Path) -> None:
    writer = Writer(tmp_path, FakeClock(), BOOT)
    writer.commit([[prepare(allowed())]])
    put(tmp_path / DATABASE, 2, encode(harmless(records(tmp_path / DATABASE)[1])))
    tampered(tmp_path / DATABASE, "do not match the signed root", 2)
    writer.close()


def test_a_record_written_in_another_spelling(database: Path) -> None:
    fields = json.loads(encode(records(database)[3]))
    put(database, 4, json.dumps(fields).encode())
    tampered(database, "not in canonical form", 4)


def test_a_deleted_record(database: Path) -> None:
    run(database, "DELETE FROM leaf WHERE seq=4")
    tampered(database, "record 4 is missing", 4)


def test_a_deleted_record_with_the_rest_renumbered(database: Path) -> None:
    run(
        database,
        "DELETE FROM leaf WHERE seq=4",
        "UPDATE leaf SET seq=-seq WHERE seq>4",
        "UPDATE leaf SET seq=-seq-1 WHERE seq<0",
    )
    tampered(database, "is number 5", 4)


def test_two_records_swapped(database: Path) -> None:
    run(
        database,
        "UPDATE leaf SET seq=-1 WHERE seq=3",
        "UPDATE leaf SET seq=3 WHERE seq=4",
        "UPDATE leaf SET seq=4 WHERE seq=-1",
    )
    tampered(database, "is number 4", 3)


def test_a_record_told_twice(database: Path) -> None:
    size = len(records(database))
    run(database, f"INSERT INTO leaf SELECT {size}+1, rec, h, root, sig FROM leaf WHERE seq={size}")
    tampered(database, f"is number {size}", size + 1)


def test_a_forged_record_at_the_end(database: Path) -> None:
    *_, other, last = records(database)
    with closing(sqlite3.connect(database)) as connection:
        (previous,) = connection.execute("SELECT h FROM leaf ORDER BY seq DESC").fetchone()
    forged = encode(replace(other, seq=last.seq + 1, previous=previous))
    with unprotected(database) as connection:
        connection.execute(
            "INSERT INTO leaf(seq, rec, h) VALUES (?, ?, zeroblob(32))", (last.seq + 1, forged)
        )
    put(database, last.seq + 1, forged)
    tampered(database, "not signed", last.seq + 1)


def test_a_record_of_another_log(database: Path, tmp_path: Path) -> None:
    foreign = records(sample(tmp_path / "other"))[3]
    put(database, 4, encode(replace(foreign, previous=records(database)[3].previous)))
    tampered(database, "belongs to the log", 4)
