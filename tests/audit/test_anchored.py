"""A checkpoint from elsewhere agrees with the log, contradicts it, or is not one of it."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.audit.anchored import Anchored, anchored, contradiction
from appliance.audit.checkpoint import Note, parse_note
from appliance.audit.database import reading
from appliance.audit.writer import Writer
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import BOOT, sample
from tests.fakes import FakeClock


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return sample(tmp_path)


def newest(log: Path) -> Note:
    with reading(log) as connection:
        (text,) = connection.execute("SELECT note FROM ckpt ORDER BY size DESC").fetchone()
    return parse_note(text)


def test_what_a_sink_confirmed_is_told_with_its_time(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(Writer(tmp_path, clock, BOOT)) as writer:
        note = writer.head()
        writer.record_anchor(note.checkpoint.size, "chat", str(note))
        began = clock.now()
        clock.advance(60)
    assert anchored(tmp_path / "audit.db") == [Anchored(1, "chat", str(note), began)]


def test_a_genuine_checkpoint_agrees(log: Path) -> None:
    assert contradiction(log, newest(log)) == ""


def test_a_log_whose_leaves_were_replaced_is_contradicted(log: Path) -> None:
    note = newest(log)
    run(log, f"UPDATE leaf SET h = x'{sha256(b'x').hexdigest()}' WHERE seq = 2")
    assert "tells of other records" in contradiction(log, note)


def test_a_log_that_lost_its_end_is_contradicted(log: Path) -> None:
    note = newest(log)
    run(log, "DELETE FROM leaf WHERE seq > 3")
    assert "the log has only 3 records" in contradiction(log, note)


def test_a_log_with_a_hole_is_damaged(log: Path) -> None:
    note = newest(log)
    run(log, "DELETE FROM leaf WHERE seq = 3")
    with pytest.raises(AuditBroken, match="some are missing"):
        contradiction(log, note)


def test_without_a_log_nothing_can_be_compared(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable):
        anchored(tmp_path / "audit.db")
