"""Signatures and stored checkpoints removed or replaced."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import Checkpoint, PublicKey, note, parse_note
from appliance.audit.database import DATABASE
from appliance.audit.verify import Depth, Verdict, verify
from appliance.audit.writer import Writer
from appliance.core.events import AnchorPosted
from tests.attacks.audit.intruder import (
    first_key,
    run,
    signed,
    tampered,
    unprotected,
)
from tests.audit.logs import BOOT, allowed, write
from tests.fakes import FakeClock


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
        "UPDATE ckpt SET reason='anchor' WHERE size=1",
    ],
)
def test_a_lost_checkpoint_of_a_change_of_keys(statement: str, database: Path) -> None:
    run(database, statement)
    tampered(database, "do not tell when keys changed")


def test_peaks_that_would_mislead_the_writer_at_its_next_start(database: Path) -> None:
    run(database, "UPDATE ckpt SET peaks=zeroblob(length(peaks)) WHERE size=8")
    tampered(database, "the peaks kept for 8 records are not those of the tree", 8)


def test_a_signature_of_somebody_else_under_a_stored_checkpoint(database: Path) -> None:
    with unprotected(database) as connection:
        (text,) = connection.execute("SELECT note FROM ckpt WHERE size=8").fetchone()
        head = parse_note(text).checkpoint
        (line,) = signed(head, keys.create(database.parent, 99)).signatures
        genuine = parse_note(text)
        more = replace(genuine, signatures=(*genuine.signatures, line))
        connection.execute("UPDATE ckpt SET note=? WHERE size=8", (str(more),))
    tampered(database, "and nobody else", 8)


def test_a_checkpoint_that_only_one_of_the_two_keys_has_signed(database: Path) -> None:
    with unprotected(database) as connection:
        (text,) = connection.execute("SELECT note FROM ckpt WHERE size=8").fetchone()
        genuine = parse_note(text)
        less = replace(genuine, signatures=genuine.signatures[:1])
        connection.execute("UPDATE ckpt SET note=? WHERE size=8", (str(less),))
    tampered(database, "not signed by the log's identity and its epoch's key", 8)


def test_a_record_that_tells_of_another_posted_checkpoint(tmp_path: Path) -> None:
    event = AnchorPosted(size=1, root="00" * 32, sink="telegram")
    path = write(tmp_path, [[event]], FakeClock())
    tampered(path, "another checkpoint of 1 records was posted than was signed", 2)


def test_every_signature_between_two_checkpoints_is_checked_when_asked(database: Path) -> None:
    run(database, "UPDATE leaf SET sig=zeroblob(64) WHERE seq=2")
    assert verify(database).verdict is Verdict.INTACT  # that of record 8 vouches for it
    found = verify(database, depth=Depth.FULL)
    assert (found.verdict, found.seq) == (Verdict.TAMPERED, 2)


def test_of_many_wrong_signatures_the_first_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(n)] for n in range(20)], FakeClock())
    run(path, "UPDATE leaf SET sig=zeroblob(64) WHERE seq>=7 AND sig NOT NULL")
    for depth in Depth:
        found = verify(path, depth=depth)
        assert (found.seq, found.size) == (7, 6)
        assert found.reason == "the signature at record 7 is not by the key of epoch 1"
