from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import Note, PublicKey, parse_note, parse_public_key
from appliance.audit.checkpoint import note as note_of
from appliance.audit.database import DATABASE, PUBLIC_KEY, missing_protection, reading
from appliance.audit.index import INDEX
from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.records import decode
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, BOOT, allowed, entries, queued, sample, write
from tests.fakes import FakeClock


def opened(directory: Path) -> Writer:
    return Writer(directory, FakeClock(), BOOT)


def test_a_new_log_begins_with_its_public_key(tmp_path: Path) -> None:
    opened(tmp_path).close()
    found = verify(tmp_path / DATABASE)
    assert found.public_key == (tmp_path / PUBLIC_KEY).read_text().strip()
    assert found.size == 2


def test_the_directory_and_its_keys_are_private(tmp_path: Path) -> None:
    opened(tmp_path / "audit").close()
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "audit").glob("*.key")} == {0o600}


def test_only_one_writer_at_a_time(tmp_path: Path) -> None:
    with closing(opened(tmp_path)), pytest.raises(AuditUnavailable, match="another process"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_each_group_gets_a_receipt_and_all_share_the_head(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        receipts = writer.commit([[prepare(queued(1))], [prepare(queued(2))] * 3])
    assert [receipt.seq for receipt in receipts] == [2, 5]
    assert receipts[0].root == receipts[1].root


def test_start_and_stop_rotate_the_key(tmp_path: Path) -> None:
    opened(tmp_path).close()
    opened(tmp_path).close()
    assert [path.name for path in tmp_path.glob("epoch-*")] == ["epoch-4.key"]
    assert verify(tmp_path / DATABASE).epochs == 4


def test_checkpoints_are_kept_as_notes(tmp_path: Path) -> None:
    with closing(sqlite3.connect(sample(tmp_path))) as connection:
        rows = connection.execute("SELECT size, note, reason FROM ckpt ORDER BY size").fetchall()
    assert [reason for _, _, reason in rows] == ["genesis", "epoch", "epoch", "epoch"]
    assert [parse_note(text).checkpoint.size for _, text, _ in rows] == [row[0] for row in rows]


def test_without_room_for_the_ballast_there_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "ballast.new").mkdir()  # in the way of the file that would become the ballast
    with pytest.raises(AuditUnavailable, match="cannot open the audit log"):
        opened(tmp_path)


# --- recovery


def crashed(directory: Path) -> Writer:
    """A log whose writer was killed: not closed, but its lock is gone."""
    writer = opened(directory)
    writer.commit([[prepare(queued(1))]])
    abandon(writer)
    return writer


def abandon(writer: Writer) -> None:
    """What is left when a writer is killed: nothing is closed but by the kernel."""
    writer._lock.release()
    writer._connection.close()


def test_a_crash_between_the_new_key_and_its_record_is_recovered(tmp_path: Path) -> None:
    crashed(tmp_path)
    keys.create(tmp_path, 2)  # made, and nobody has heard of it
    opened(tmp_path).close()
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


def test_a_crash_before_the_old_key_is_destroyed_is_recovered(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    old = (tmp_path / "epoch-1.key").read_bytes()
    writer.close()
    (tmp_path / "epoch-1.key").write_bytes(old)
    opened(tmp_path).close()
    assert [path.name for path in tmp_path.glob("epoch-*")] == ["epoch-4.key"]
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


def test_a_crash_before_the_first_record_begins_anew(tmp_path: Path) -> None:
    keys.create(tmp_path, 1)
    opened(tmp_path).close()
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


def test_a_crash_before_the_public_key_is_written_is_recovered(tmp_path: Path) -> None:
    opened(tmp_path).close()
    public = (tmp_path / PUBLIC_KEY).read_text()
    (tmp_path / PUBLIC_KEY).unlink()
    opened(tmp_path).close()
    assert (tmp_path / PUBLIC_KEY).read_text() == public
    assert parse_public_key(public).name.startswith("dispatch-audit/")


def test_an_overwritten_key_cannot_be_read_back_from_its_file(tmp_path: Path) -> None:
    keys.create(tmp_path, 1)
    (tmp_path / "link").hardlink_to(tmp_path / "epoch-1.key")
    keys.destroy_others(tmp_path, 2)
    assert (tmp_path / "link").read_bytes() == bytes(32)


LAST = "WHERE seq=(SELECT max(seq) FROM leaf)"
LAST_KEPT = "WHERE size=(SELECT max(size) FROM ckpt)"
DAMAGE = {
    "unsigned last row": f"UPDATE leaf SET root=NULL, sig=NULL {LAST}",
    "other root": f"UPDATE leaf SET root=randomblob(32) {LAST}",
    "other signature": f"UPDATE leaf SET sig=randomblob(64) {LAST}",
    "other peaks": f"UPDATE ckpt SET peaks=randomblob(length(peaks)) {LAST_KEPT}",
    "fewer peaks": f"UPDATE ckpt SET peaks=x'' {LAST_KEPT}",
    "the checkpoint of another size": "UPDATE ckpt SET note=(SELECT note FROM ckpt WHERE size=1)",
    "a lost identity": "UPDATE leaf SET rec=(SELECT rec FROM leaf WHERE seq=2) WHERE seq=1",
    "other last record": f"UPDATE leaf SET rec=(SELECT rec FROM leaf WHERE seq=2) {LAST}",
    "lost rows": "DELETE FROM leaf WHERE seq > 3",
    "lost everything": "DELETE FROM leaf",
    "lost checkpoints": "DELETE FROM ckpt",
    "an anchor beyond": "INSERT INTO anchor VALUES (1000, 'chat', '')",
}


def damage(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type='trigger'").fetchall()
        for (name,) in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_log_is_not_written_to(statement: str, tmp_path: Path) -> None:
    database = sample(tmp_path)
    damage(database, statement)
    before = database.read_bytes()
    for _ in range(2):
        with pytest.raises(AuditBroken, match="damaged"):
            opened(tmp_path)
    assert database.read_bytes() == before


def test_a_log_whose_key_is_missing_or_another_is_not_written_to(tmp_path: Path) -> None:
    sample(tmp_path)
    keys.create(tmp_path, 4)
    with pytest.raises(AuditBroken, match="not the one"):
        opened(tmp_path)
    (tmp_path / "epoch-4.key").unlink()
    with pytest.raises(AuditBroken, match="epoch 4 cannot be read"):
        opened(tmp_path)


def test_a_log_that_is_gone_is_not_begun_again(tmp_path: Path) -> None:
    sample(tmp_path).unlink()
    with pytest.raises(AuditBroken, match="is gone"):
        opened(tmp_path)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(AuditUnavailable, match="not a database"):
        opened(tmp_path)


def test_records_carry_both_clocks(tmp_path: Path) -> None:
    clock = FakeClock()
    database = write(tmp_path, [[allowed(1)]], clock)
    clock.advance(-3600)
    write(tmp_path, [[allowed(2)]], clock)
    assert any("clock was set back" in remark for remark in verify(database).remarks)


def test_a_middle_row_lost_since_the_newest_checkpoint_is_found(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    writer.commit([[prepare(queued(n))] for n in range(3)])
    abandon(writer)
    damage(tmp_path / DATABASE, "DELETE FROM leaf WHERE seq = 3")
    with pytest.raises(AuditBroken, match="record 3 is missing"):
        opened(tmp_path)


def test_a_start_reads_only_what_came_after_the_newest_checkpoint(tmp_path: Path) -> None:
    """What lies before it is for `verify`: a start takes no longer for a long log."""
    damage(sample(tmp_path), "UPDATE leaf SET h=randomblob(32) WHERE seq=5")
    opened(tmp_path).close()
    assert verify(tmp_path / DATABASE).verdict is Verdict.TAMPERED


def test_a_stolen_identity_is_not_taken_for_ours(tmp_path: Path) -> None:
    sample(tmp_path)
    keys.create_identity(tmp_path)
    with pytest.raises(AuditBroken, match="identity is not the one"):
        opened(tmp_path)
    (tmp_path / keys.IDENTITY).unlink()
    with pytest.raises(AuditBroken, match="identity cannot be read"):
        opened(tmp_path)


# --- checkpoints and anchors


def test_a_note_is_kept_before_it_leaves(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(queued())]])
        note = writer.head()
        assert writer.head() == note
        assert notes(tmp_path)[-1] == note
        assert [s.name for s in note.signatures] == [note.checkpoint.origin] * 2
    assert verify(tmp_path / DATABASE, anchors=[note]).anchored == note.checkpoint.size == 2


def test_a_note_at_a_hand_over_is_the_one_that_the_old_key_signed(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.rotate()
        assert writer.head() == notes(tmp_path)[-1]
        assert len(notes(tmp_path)) == 2


def test_receipts_are_kept_once(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        note = writer.head()
        for receipt in (str(note), str(note), f"{note}— witness a cosignature\n", "thanks"):
            writer.record_anchor(1, "chat", receipt)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        rows = connection.execute("SELECT size, sink FROM anchor").fetchall()
    assert rows == [(1, "chat")] * 3
    opened(tmp_path).close()


def test_a_receipt_for_another_checkpoint_is_refused(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(queued())]])
        text = str(writer.head())
        for size, receipt in ((1, text), (2, text.replace("\n2\n", "\n3\n")), (7, "thanks")):
            with pytest.raises(AuditUnavailable, match="keeps no checkpoint"):
                writer.record_anchor(size, "chat", receipt)
        writer.record_anchor(2, "chat", text)


def test_an_anchor_that_tells_of_other_records_stops_the_writer(tmp_path: Path) -> None:
    database = sample(tmp_path)
    origin = notes(tmp_path)[0].checkpoint.origin
    damage(database, f"INSERT INTO anchor VALUES (1, 'chat', '{origin}' || char(10) || 'x')")
    with pytest.raises(AuditBroken, match="tells of other records"):
        opened(tmp_path)


def rolled_back(directory: Path) -> Note:
    """A log of which only an older copy is left, and a checkpoint kept elsewhere."""
    writer = opened(directory)
    writer.commit([[prepare(queued(1))]])
    connection = sqlite3.connect(directory / "copy")
    with closing(connection), closing(sqlite3.connect(directory / DATABASE)) as source:
        source.backup(connection)
    writer.commit([[prepare(queued(2))]])
    note = writer.head()
    abandon(writer)
    for path in directory.glob(f"{DATABASE}*"):
        path.unlink()
    (directory / "copy").rename(directory / DATABASE)
    return note


def test_a_rolled_back_log_is_refused_when_an_anchor_of_its_identity_says_so(
    tmp_path: Path,
) -> None:
    note = rolled_back(tmp_path)
    for _ in range(2):
        with pytest.raises(AuditBroken, match="rolled back"):
            Writer(tmp_path, FakeClock(), BOOT, anchors=[note])


def test_an_anchor_that_the_identity_did_not_sign_stops_nobody(tmp_path: Path) -> None:
    note = rolled_back(tmp_path)
    forged = replace(note, signatures=note.signatures[1:])
    foreign = replace(note, checkpoint=replace(note.checkpoint, origin="another/log"))
    Writer(tmp_path, FakeClock(), BOOT, anchors=[forged, foreign]).close()


def test_an_anchor_of_another_history_stops_the_writer(tmp_path: Path) -> None:
    sample(tmp_path)
    first = notes(tmp_path)[0].checkpoint
    identity = keys.load_identity(tmp_path)
    other = replace(first, root=bytes(32))
    anchor = note_of(other, PublicKey(first.origin, identity.public), identity.sign(other))
    with pytest.raises(AuditBroken, match="tells of other records"):
        Writer(tmp_path, FakeClock(), BOOT, anchors=[anchor])


# --- silence and activity


def test_an_hour_of_silence_is_recorded(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(Writer(tmp_path, clock, BOOT)) as writer:
        for _ in range(4 * 60):
            clock.advance(60)
            writer.tick_when_due()
    assert kinds(tmp_path) == ["audit.sealed", *["audit.ticked"] * 4, "key.rotated"]


def test_an_epoch_in_which_something_happened_ends_in_silence_too(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(Writer(tmp_path, clock, BOOT)) as writer:
        writer.commit([[prepare(queued())]])
        for _ in range(30):
            clock.advance(60)
            writer.tick_when_due()
        assert kinds(tmp_path)[1:] == ["job.queued", "key.rotated"]


# --- what is destroyed


def test_a_redacted_value_is_gone_and_the_log_says_so(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(allowed(1)), prepare(allowed(2))]])
        (tmp_path / INDEX).touch()
        writer.redact(2, "input", "a customer asked", ANNA)
        assert not (tmp_path / INDEX).exists()
        assert b'"command":"git log -1"' not in everything(tmp_path)
        assert b'"command":"git log -2"' in everything(tmp_path)
        with pytest.raises(AuditUnavailable, match="no private value 'input'"):
            writer.redact(2, "input", "again", ANNA)
        writer.commit([[prepare(queued())]])
    found = entries(tmp_path / DATABASE, Filter(kind="record.redacted"))[0].record
    assert (found.actor, found.data["seq"], found.data["field"]) == (ANNA, 2, "input")
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


def test_a_pruned_log_keeps_hashes_and_records_that_name_keys(tmp_path: Path) -> None:
    sample(tmp_path)
    with closing(opened(tmp_path)) as writer:
        before = kinds(tmp_path)
        writer.prune(9, "kept long enough", ANNA)
        writer.commit([[prepare(queued())]])
    after = kinds(tmp_path)
    named = ("audit.sealed", "key.rotated")
    assert after[:8] == [kind if kind in named else None for kind in before[:8]]
    assert after[8 : len(before)] == before[8:]
    assert b"git log -1" not in everything(tmp_path)
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT
    opened(tmp_path).close()


def test_pruning_goes_on_where_it_stopped(tmp_path: Path) -> None:
    sample(tmp_path)
    with closing(opened(tmp_path)) as writer:
        before = kinds(tmp_path)
        writer.prune(4, "a slice", ANNA)
        writer.commit([[prepare(queued())]])
        writer.prune(9, "and another", ANNA)
        writer.prune(2, "nothing is left to do", ANNA)
        writer.prune(9, "once more", ANNA)
    after = kinds(tmp_path)
    named = ("audit.sealed", "key.rotated")
    assert after[:8] == [kind if kind in named else None for kind in before[:8]]
    assert after[8 : len(before)] == before[8:]
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


@pytest.mark.parametrize("damaged", ["NULL", "CAST('{}' AS BLOB)"])
def test_a_damaged_record_of_pruning_stops_no_pruning(damaged: str, tmp_path: Path) -> None:
    sample(tmp_path)
    with closing(opened(tmp_path)) as writer:
        size = writer.head().checkpoint.size
        writer.prune(4, "a slice", ANNA)
        run(tmp_path / DATABASE, f"UPDATE leaf SET rec={damaged} WHERE seq={size + 1}")
        writer.prune(9, "and another", ANNA)
    assert b"git log -1" not in everything(tmp_path)


def test_the_room_of_what_was_pruned_is_used_again(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(allowed(n))] for n in range(500)])
        writer.prune(500, "kept long enough", ANNA)
    with reading(tmp_path / DATABASE) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert free > pages / 2


@pytest.mark.parametrize("before", [-1, 0, 1, 4, 2**60])
def test_there_is_no_pruning_past_the_end(before: int, tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(queued())]])
        with pytest.raises(AuditUnavailable, match="nothing to prune"):
            writer.prune(before, "", ANNA)
        writer.prune(3, "all there is", ANNA)
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


def test_what_was_destroyed_leaves_the_wal_when_its_readers_have_gone(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(allowed(1))]])
        with reading(tmp_path / DATABASE):
            writer.redact(2, "input", "", ANNA)
            assert b'"command":"git log -1"' in everything(tmp_path)
        writer.rotate()
        assert b'"command":"git log -1"' not in everything(tmp_path)


def test_protection_is_lifted_only_inside_the_transaction(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(allowed(1))]])
        writer.redact(2, "input", "", ANNA)
        writer.prune(2, "", ANNA)
        with reading(tmp_path / DATABASE) as connection:
            assert not missing_protection(connection)


PROTECTED = [
    "UPDATE leaf SET rec=NULL WHERE seq=2",
    "DELETE FROM leaf WHERE seq=2",
    "REPLACE INTO leaf SELECT * FROM leaf WHERE seq=2",
    "UPDATE payload SET value=''",
    "DELETE FROM payload",
    "REPLACE INTO payload SELECT * FROM payload",
    "UPDATE ckpt SET peaks=x''",
    "DELETE FROM ckpt",
    "REPLACE INTO ckpt SELECT * FROM ckpt",
    "INSERT INTO ckpt SELECT size - 1, note, reason, peaks FROM ckpt WHERE size > 1",
    "UPDATE anchor SET receipt=''",
    "DELETE FROM anchor",
    "REPLACE INTO anchor SELECT * FROM anchor",
]


@pytest.mark.parametrize("statement", PROTECTED)
def test_no_table_can_be_changed_by_accident(statement: str, tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as writer:
        writer.commit([[prepare(allowed(1))]])
        writer.record_anchor(2, "chat", str(writer.head()))
    with (
        closing(sqlite3.connect(tmp_path / DATABASE)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


def kinds(directory: Path) -> list[str | None]:
    """The kinds of all records, None where one was pruned."""
    with reading(directory / DATABASE) as connection:
        rows = connection.execute("SELECT rec FROM leaf ORDER BY seq").fetchall()
    return [decode(encoded).kind if encoded else None for (encoded,) in rows]


def notes(directory: Path) -> list[Note]:
    with reading(directory / DATABASE) as connection:
        rows = connection.execute("SELECT note FROM ckpt ORDER BY size").fetchall()
    return [parse_note(text) for (text,) in rows]


def everything(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.glob(f"{DATABASE}*"))
