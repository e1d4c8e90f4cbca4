"""Values and records destroyed without a record that says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit.database import DATABASE
from appliance.audit.verify import Depth, Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.records import Record, decode, encode
from tests.attacks.audit.intruder import (
    run,
    tampered,
    unprotected,
)
from tests.audit.logs import ANNA, BOOT, allowed
from tests.fakes import FakeClock


def test_swapped_values(database: Path) -> None:
    run(
        database,
        "CREATE TABLE x AS SELECT * FROM payload",
        "UPDATE payload SET salt=(SELECT salt FROM x WHERE x.seq!=payload.seq), "
        "value=(SELECT value FROM x WHERE x.seq!=payload.seq)",
        "DROP TABLE x",
    )
    tampered(database, "not the one that was recorded")


def test_an_edited_value(database: Path) -> None:
    run(database, "UPDATE payload SET value='{}' WHERE seq=2")
    tampered(database, "the value of input is not the one", 2)


def test_a_value_deleted_in_silence(database: Path) -> None:
    run(database, "DELETE FROM payload WHERE seq=2")
    tampered(database, "the value of input was removed", 2)


def test_a_value_added(database: Path) -> None:
    run(database, "INSERT INTO payload VALUES (3, 'input', x'00', 'rm -rf /')")
    tampered(database, "no record commits to")


@pytest.fixture
def pruned(tmp_path: Path) -> Path:
    """Records 1 to 4 were pruned, by record 8; 6 has lost its value, as 7 says."""
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(n))] for n in range(5)])
        writer.redact(6, "input", "a customer's name", ANNA)
        writer.prune(5, "retention", ANNA)
    return tmp_path / DATABASE


def test_what_was_destroyed_with_a_record_is_counted(pruned: Path) -> None:
    for depth in Depth:
        found = verify(pruned, depth=depth)
        assert (found.verdict, found.pruned) == (Verdict.INTACT, 3)  # the first names the keys
        assert found.redacted == (0 if depth is Depth.QUICK else 1)


def test_pruning_past_what_the_record_says(pruned: Path) -> None:
    run(
        pruned,
        "UPDATE leaf SET rec=NULL WHERE seq=5",
        "DELETE FROM payload WHERE seq=5",
    )
    for depth in Depth:
        found = verify(pruned, depth=depth)
        assert (found.verdict, found.seq) == (Verdict.TAMPERED, 5)
        assert "no record says that the log was pruned" in found.reason


def test_the_record_of_pruning_removed_with_what_it_allowed(pruned: Path) -> None:
    run(pruned, "UPDATE leaf SET rec=NULL WHERE seq=8")
    assert verify(pruned).verdict is Verdict.TAMPERED


def test_pruning_the_record_that_names_a_key(pruned: Path) -> None:
    run(pruned, "UPDATE leaf SET rec=NULL WHERE seq=1")
    tampered(pruned, "the record that names the keys of the log was removed", 1)


def test_pruning_a_hash_as_well(pruned: Path) -> None:
    run(pruned, "UPDATE leaf SET h=zeroblob(32) WHERE seq=3")
    tampered(pruned, "do not match the signed root", 2)


def test_an_edited_hash_of_a_pruned_record_cannot_hide_behind_it(pruned: Path) -> None:
    with unprotected(pruned) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("UPDATE leaf SET h=x'00' WHERE seq=3")
    tampered(pruned, "the record and its hash are gone", 3)


def test_a_pruned_record_told_anew(pruned: Path) -> None:
    forged = encode(replace(records_left(pruned)[-1], seq=3))
    with unprotected(pruned) as connection:
        connection.execute("UPDATE leaf SET rec=? WHERE seq=3", (forged,))
    tampered(pruned, "does not match its hash", 3)


def records_left(database: Path) -> list[Record]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT rec FROM leaf WHERE rec NOT NULL ORDER BY seq")
        return [decode(encoded) for (encoded,) in rows]


def test_a_redaction_is_no_licence_to_remove_another_value(pruned: Path) -> None:
    run(pruned, "DELETE FROM payload WHERE seq=5")
    tampered(pruned, "the value of input was removed, and no record says so", 5)


def test_a_redacted_value_that_is_told_anew(pruned: Path) -> None:
    run(pruned, "INSERT INTO payload VALUES (6, 'input', x'00', 'rm -rf /')")
    tampered(pruned, "not the one that was recorded", 6)


def test_a_redacted_value_that_somebody_has_put_back_is_remarked(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
            kept = connection.execute("SELECT * FROM payload").fetchone()
        writer.redact(2, "input", "a customer's name", ANNA)
    with unprotected(tmp_path / DATABASE) as connection:
        connection.execute("INSERT INTO payload VALUES (?, ?, ?, ?)", kept)
    remarks = verify(tmp_path / DATABASE).remarks
    assert "input of record 2 was redacted, and is still there" in remarks
