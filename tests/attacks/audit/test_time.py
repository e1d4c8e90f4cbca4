"""Logs cut off, rolled back, silenced: what only a checkpoint kept elsewhere can tell."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.checkpoint import Checkpoint, Note, note
from appliance.audit.database import DATABASE
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from tests.attacks.audit.intruder import (
    first_key,
    newest_note,
    run,
    tampered,
    unprotected,
)
from tests.audit.logs import BOOT, allowed, write
from tests.fakes import FakeClock


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


def test_a_roll_back_is_told_by_a_checkpoint_that_the_log_says_was_posted(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        note = writer.head()
        writer.record_anchor(note.checkpoint.size, "telegram", str(note))
    path = tmp_path / DATABASE
    run(path, *(f"DELETE FROM {table} WHERE seq>1" for table in ("leaf", "payload")))
    run(path, "DELETE FROM ckpt WHERE size>1")
    tampered(path, "the checkpoint that was posted tells of 2 records, 1 are missing", 2)


def test_an_old_note_posted_as_new_anchors_only_what_it_says(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        old = writer.head()
        writer.commit([[prepare(allowed(n))] for n in range(5)])
        found = verify(tmp_path / DATABASE, anchors=[old])
    assert (found.size, found.anchored) == (6, 1)
    assert found.anchored_at == 1_800_000_000_000  # so everybody sees how old it is


def test_an_old_note_kept_as_the_receipt_of_a_new_one(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        old = writer.head()
        writer.commit([[prepare(allowed(1))]])
        writer.head()
    path = tmp_path / DATABASE
    with unprotected(path) as connection:
        connection.execute("INSERT INTO anchor VALUES (2, 'telegram', ?)", (str(old),))
    tampered(path, "the checkpoint posted to telegram here is of 1 records", 2)


def test_suppressed_ticks_are_remarked(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(Writer(tmp_path, clock, BOOT)) as writer:
        for _ in range(4):
            clock.advance(3_600)
            writer.tick_when_due()
        assert verify(tmp_path / DATABASE).remarks == ()
        clock.advance(5 * 3_600)  # nobody lets it tick
        writer.commit([[prepare(allowed(1))]])
        (remark,) = verify(tmp_path / DATABASE).remarks
    assert remark.startswith("for 5.0 hours before record 6 there is not even a tick")


def test_a_log_that_was_closed_need_not_tick(tmp_path: Path) -> None:
    clock = FakeClock()
    write(tmp_path, [[allowed(1)]], clock)
    clock.advance(86_400)
    path = write(tmp_path, [[allowed(2)]], clock)
    assert verify(path).remarks == ()


def test_a_machine_that_started_anew_need_not_tick(tmp_path: Path) -> None:
    clock = FakeClock()
    Writer(tmp_path, clock, BOOT)._lock.release()
    clock.advance(86_400)
    with closing(Writer(tmp_path, clock, "boot-2")):
        assert verify(tmp_path / DATABASE).remarks == ()


def test_time_that_nobody_can_set_running_backwards_is_remarked(tmp_path: Path) -> None:
    write(tmp_path, [[allowed(1)]], FakeClock(1_800_000_100_000))
    path = write(tmp_path, [[allowed(2)]], FakeClock(1_800_000_000_000))
    assert any("time that cannot be set ran backwards" in r for r in verify(path).remarks)


def test_a_thousand_oddities_are_not_a_thousand_remarks(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(Writer(tmp_path, clock, BOOT)) as writer:
        for number in range(50):
            clock.advance(-1)
            writer.commit([[prepare(allowed(number))]])
        remarks = verify(tmp_path / DATABASE).remarks
    assert len(remarks) < 50
    assert any(remark.startswith("the same ") for remark in remarks)
