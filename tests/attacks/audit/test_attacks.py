"""What somebody with access to the log could try, and how it is found out."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.audit import keys
from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    note,
    parse_public_key,
)
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.heads import last_note
from appliance.audit.verify import Depth, Verdict, Verification, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.records import Record, encode
from appliance.errors import AuditUnavailable
from tests.attacks.audit.intruder import put, records, rewrite, run, unprotected
from tests.audit.logs import BOOT, allowed, queued, sample, write
from tests.fakes import FakeClock


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = sample(tmp_path / "log")
    assert verify(path).verdict is Verdict.INTACT
    return path


def tampered(path: Path, reason: str, seq: int | None = None) -> Verification:
    found = verify(path)
    assert found.verdict is Verdict.TAMPERED, found
    assert reason in found.reason
    assert seq is None or found.seq == seq
    return found


def first_key(database: Path) -> PublicKey:
    return parse_public_key((database.parent / PUBLIC_KEY).read_text())


def stolen_key(database: Path) -> keys.SigningKey:
    """The key of the current epoch."""
    (path,) = database.parent.glob("epoch-*.key")
    return keys.load(database.parent, int(path.stem.removeprefix("epoch-")))


def newest_note(database: Path) -> Note:
    """What was posted elsewhere at the last signed row, before the attack."""
    with closing(sqlite3.connect(database)) as connection:
        return last_note(connection)


def harmless(found: Record) -> Record:
    return replace(found, data={**found.data, "object": "git status"})


# --- records


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


# --- signatures


def test_all_signatures_stripped(database: Path) -> None:
    run(database, "UPDATE leaf SET root=NULL, sig=NULL", "DELETE FROM ckpt")
    assert verify(database).verdict is not Verdict.INTACT


def test_a_log_that_was_never_signed(tmp_path: Path) -> None:
    writer = Writer(tmp_path, FakeClock(), BOOT)
    run(tmp_path / DATABASE, "UPDATE leaf SET root=NULL, sig=NULL", "DELETE FROM ckpt")
    found = verify(tmp_path / DATABASE)
    assert (found.verdict, found.reason) == (Verdict.INCOMPLETE, "no record is signed")
    writer.close()


def test_an_unsigned_tail(database: Path) -> None:
    run(
        database,
        "DELETE FROM ckpt WHERE size=(SELECT max(seq) FROM leaf)",
        "DELETE FROM leaf WHERE seq>=(SELECT max(seq) FROM leaf)",
        "UPDATE leaf SET root=NULL, sig=NULL WHERE seq=(SELECT max(seq) FROM leaf)",
    )
    tampered(database, "not signed")


def test_an_empty_log(database: Path) -> None:
    run(database, "DELETE FROM leaf", "DELETE FROM ckpt", "DELETE FROM payload")
    assert verify(database).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_no_log_at_all(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    if content is not None:
        path.write_bytes(content)
    assert verify(path).verdict is not Verdict.INTACT


def test_two_signed_roots_of_one_size(database: Path) -> None:
    """The intruder has the first key and signs another history beside the stored one."""
    origin = first_key(database).name
    key = keys.create(database.parent, 99)
    other = Checkpoint(origin, 1, bytes(32))
    text = str(note(other, PublicKey(origin, key.public), key.sign(other)))
    with unprotected(database) as connection:
        connection.execute("UPDATE ckpt SET note=? WHERE size=1", (text,))
    tampered(database, "tells of other records")


def test_a_checkpoint_by_a_foreign_key(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        (root,) = connection.execute("SELECT root FROM leaf WHERE seq=1").fetchone()
    key = keys.create(database.parent, 99)
    head = Checkpoint(first_key(database).name, 1, root)
    text = str(note(head, PublicKey(head.origin, key.public), key.sign(head)))
    with unprotected(database) as connection:
        connection.execute("UPDATE ckpt SET note=? WHERE size=1", (text,))
    tampered(database, "not signed by the log's identity and its epoch's key", 1)


def test_a_malformed_checkpoint(database: Path) -> None:
    run(database, "UPDATE ckpt SET note='nothing' WHERE size=1")
    tampered(database, "cannot be read", 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ckpt WHERE size=1",
        "DELETE FROM ckpt WHERE reason='epoch'",
        "UPDATE ckpt SET reason='other' WHERE size=1",
    ],
)
def test_a_lost_checkpoint_of_a_change_of_keys(statement: str, database: Path) -> None:
    run(database, statement)
    tampered(database, "do not tell when keys changed")


# --- keys


def test_the_current_key_cannot_rewrite_a_past_epoch(database: Path) -> None:
    def edit(found: list[Record]) -> Sequence[Record]:
        return [harmless(r) if r.seq == 2 else r for r in found]

    rewrite(database, stolen_key(database), edit)
    tampered(database, "not by the key of epoch 1", 2)


def test_the_current_key_cannot_drop_the_hand_over_that_made_it(tmp_path: Path) -> None:
    database = write(tmp_path, [[queued(1)], [queued(2)]], FakeClock())

    def edit(found: list[Record]) -> Sequence[Record]:
        return [r for r in found if r.kind != "key.rotated"]

    rewrite(database, stolen_key(database), edit)
    tampered(database, "not by the key of epoch 1")


def test_a_dropped_hand_over(database: Path) -> None:
    (first, *_) = [r.seq for r in records(database) if r.kind == "key.rotated"]
    run(
        database,
        f"DELETE FROM leaf WHERE seq={first}",
        f"DELETE FROM ckpt WHERE size={first}",
    )
    tampered(database, f"record {first} is missing", first)


def test_the_current_key_can_rewrite_its_own_epoch_and_only_an_anchor_tells(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    writer = Writer(tmp_path, clock, BOOT)
    writer.commit([[prepare(allowed(1))]])
    writer.commit([[prepare(allowed(2))]])
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        size, root, signature = connection.execute(
            "SELECT seq, root, sig FROM leaf ORDER BY seq DESC"
        ).fetchone()
    head = Checkpoint(first_key(path).name, size, root)
    anchor = note(head, first_key(path), signature)
    assert verify(path, anchors=[anchor]).anchored == 3

    rewrite(
        path,
        stolen_key(path),
        lambda found: [harmless(r) if r.seq == 2 else r for r in found],
    )
    assert verify(path).verdict is Verdict.INTACT  # the promise that is not made
    found = verify(path, anchors=[anchor])
    assert found.verdict is Verdict.TAMPERED
    assert "the anchor for 3 records tells of other records" in found.reason
    writer._lock.release()
    writer._connection.close()


def test_the_whole_log_replaced_by_one_with_other_keys(database: Path, tmp_path: Path) -> None:
    pinned, anchor = first_key(database), newest_note(database)
    forged = sample(tmp_path / "forged")
    assert verify(forged).verdict is Verdict.INTACT
    found = verify(forged, public_key=pinned)
    assert (found.verdict, found.seq) == (Verdict.TAMPERED, 1)
    assert verify(forged, anchors=[anchor]).verdict is Verdict.TAMPERED


def test_a_log_that_claims_the_name_of_another(database: Path, tmp_path: Path) -> None:
    name = first_key(database).name
    forged = sample(tmp_path / "forged")

    def edit(found: list[Record]) -> Sequence[Record]:
        return [replace(r, log=name) for r in found]

    rewrite(forged, stolen_key(forged), edit)
    tampered(forged, "not derived from its first public key", 1)


# --- time


def test_truncation_at_a_signed_record_is_told_by_an_anchor(database: Path) -> None:
    anchor = newest_note(database)
    assert verify(database, anchors=[anchor]).anchored == anchor.checkpoint.size
    run(
        database,
        "DELETE FROM leaf WHERE seq>6",
        "DELETE FROM ckpt WHERE size>6",
        "DELETE FROM payload WHERE seq>6",
    )
    while verify(database).verdict is not Verdict.INTACT:  # back to the end of a commit
        run(
            database,
            "DELETE FROM payload WHERE seq=(SELECT max(seq) FROM leaf)",
            "DELETE FROM leaf WHERE seq=(SELECT max(seq) FROM leaf)",
        )
    found = verify(database, anchors=[anchor])
    assert found.verdict is Verdict.TAMPERED
    assert "are missing" in found.reason


def test_an_older_copy_restored_is_told_by_an_anchor(tmp_path: Path) -> None:
    clock = FakeClock()
    path = write(tmp_path, [[allowed(1)]], clock)
    shutil.copy(path, tmp_path / "older.db")
    write(tmp_path, [[allowed(2)]], clock)
    anchor = newest_note(path)
    shutil.copy(tmp_path / "older.db", path)
    assert verify(path).verdict is Verdict.INTACT
    assert verify(path, anchors=[anchor]).verdict is Verdict.TAMPERED


def test_an_older_copy_restored_stops_the_writer_whose_key_moved_on(tmp_path: Path) -> None:
    clock = FakeClock()
    path = write(tmp_path, [[allowed(1)]], clock)
    shutil.copy(path, tmp_path / "older.db")
    write(tmp_path, [[allowed(2)]], clock)
    shutil.copy(tmp_path / "older.db", path)
    with pytest.raises(Exception, match="signing key of epoch 2 cannot be read"):
        Writer(tmp_path, clock, BOOT)


def test_a_wal_removed_after_a_crash_is_told_by_an_anchor(tmp_path: Path) -> None:
    path, anchor = crashed(tmp_path)
    assert verify(path, anchors=[anchor]).anchored == 3
    path.with_name(DATABASE + "-wal").unlink()
    path.with_name(DATABASE + "-shm").unlink(missing_ok=True)
    found = verify(path, anchors=[anchor])
    assert found.verdict is not Verdict.INTACT


def test_a_byte_edited_in_the_wal_is_told_by_an_anchor(tmp_path: Path) -> None:
    path, anchor = crashed(tmp_path)
    wal = path.with_name(DATABASE + "-wal")
    content = wal.read_bytes()
    wal.write_bytes(content.replace(b"git log -2", b"git log -9"))
    path.with_name(DATABASE + "-shm").unlink(missing_ok=True)
    assert verify(path, anchors=[anchor]).verdict is not Verdict.INTACT


def crashed(directory: Path) -> tuple[Path, Note]:
    """What a killed writer leaves: a database and its WAL; and what was anchored before."""
    writer = Writer(directory / "live", FakeClock(), BOOT)
    writer.commit([[prepare(allowed(1))]])
    writer.commit([[prepare(allowed(2))]])
    left = directory / "left"
    left.mkdir()
    for name in (DATABASE, DATABASE + "-wal"):
        shutil.copy(directory / "live" / name, left / name)
    with closing(sqlite3.connect(directory / "live" / DATABASE)) as connection:
        size, root, signature = connection.execute(
            "SELECT seq, root, sig FROM leaf ORDER BY seq DESC"
        ).fetchone()
    key = first_key(directory / "live" / DATABASE)
    writer.close()
    return left / DATABASE, note(Checkpoint(key.name, size, root), key, signature)


def test_a_clock_set_back_is_remarked(tmp_path: Path) -> None:
    clock = FakeClock()
    write(tmp_path, [[allowed(1)]], clock)
    clock.advance(-86_400)
    path = write(tmp_path, [[allowed(2)]], clock)
    assert any("set back" in remark for remark in verify(path).remarks)


# --- private values


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


# --- the database


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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_of_the_file_is_found_or_changes_nothing(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("flip")
    path = sample(directory)
    before, content = _everything(path), bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    found = verify(path, depth=Depth.FULL)
    assert found.verdict is not Verdict.INTACT or _everything(path) == before


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_of_what_is_stored_is_found(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = sample(tmp_path_factory.mktemp("flip"))
    column = data.draw(st.sampled_from(["rec", "h", "root", "sig"]))
    with unprotected(path) as connection:
        rows = connection.execute(f"SELECT seq, {column} FROM leaf WHERE {column} NOT NULL")
        seq, value = data.draw(st.sampled_from(rows.fetchall()))
        bit = data.draw(st.integers(0, len(value) * 8 - 1))
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        connection.execute(f"UPDATE leaf SET {column}=? WHERE seq=?", (bytes(changed), seq))
    assert verify(path, depth=Depth.FULL).verdict is Verdict.TAMPERED


def _everything(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        return [
            row
            for table in ("leaf", "payload", "ckpt")
            for row in connection.execute(f"SELECT * FROM {table}").fetchall()
        ]


class NotSynced(sqlite3.Connection):
    """SQLite set up by somebody who prefers speed."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), parameters)


def test_a_database_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="synchronous is 1"):
        Writer(tmp_path, FakeClock(), BOOT, factory=NotSynced)
