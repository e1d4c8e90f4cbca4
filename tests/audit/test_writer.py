from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import parse_note, parse_public_key
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.errors import AuditBroken, AuditUnavailable
from tests.audit.logs import BOOT, allowed, queued, sample, write
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
    writer._lock.release()
    writer._connection.close()
    return writer


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
