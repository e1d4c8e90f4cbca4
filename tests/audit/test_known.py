"""What a start of the writer is held against."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.known import TAIL_BYTES, anchors_in
from appliance.audit.writer import Writer, prepare
from appliance.errors import AuditBroken, AuditUnavailable
from tests.audit.logs import BOOT, queued
from tests.fakes import FakeClock


def test_a_file_that_is_not_there_yet_knows_nothing(tmp_path: Path) -> None:
    assert anchors_in(tmp_path / "anchors") == ()


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read the anchor file"):
        anchors_in(tmp_path)


def test_notes_are_found_between_anything_else_and_the_newest_of_very_many(tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    with closing(Writer(tmp_path / "log", FakeClock(), BOOT)) as writer:
        first = str(writer.head())
        writer.commit([[prepare(queued())]])
        second = str(writer.head())
    file.write_text(f"hello\n\n{first}\nxyz\nnot\n7\na note\n\n{second}")
    assert [str(note) for note in anchors_in(file)] == [first, second]
    file.write_bytes(os.urandom(10) * TAIL_BYTES + b"\n\n" + second.encode())
    assert [str(note) for note in anchors_in(file)] == [second]


def test_a_log_that_was_rolled_back_is_not_continued(tmp_path: Path) -> None:
    log, old, file = tmp_path / "log", tmp_path / "old", tmp_path / "anchors"
    Writer(log, FakeClock(), BOOT).close()
    shutil.copytree(log, old)
    with closing(Writer(log, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(queued())]])
        file.write_text(str(writer.head()))
    Writer(log, FakeClock(), BOOT, anchors=anchors_in(file)).close()
    with pytest.raises(AuditBroken):
        Writer(old, FakeClock(), BOOT, anchors=anchors_in(file))
