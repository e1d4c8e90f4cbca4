"""An entry as journald reads it, and none where there is no journald."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import journald
from appliance.audit.sinks.journal import JournalSink, journal_sink
from appliance.errors import AnchorUnavailable
from tests.fakes_anchors import note_of
from tests.fakes_journald import listening, read


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket such as journald's, in tmp_path."""
    with listening(tmp_path / "socket") as listener:
        yield listener


async def test_the_note_is_a_field_of_its_own(
    tmp_path: Path, journal: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "socket")
    sink = journal_sink()
    assert sink is not None
    assert await sink.post(note_of(1234)) == note_of(1234)
    assert read(journal.recv(65536)) == {
        "MESSAGE": "audit checkpoint of 1234 records",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "dispatch-audit",
        "DISPATCH_CHECKPOINT": note_of(1234),
    }


async def test_a_journal_that_takes_nothing_confirms_nothing(
    tmp_path: Path, journal: socket.socket
) -> None:
    sink = JournalSink(tmp_path / "socket")
    with pytest.raises(AnchorUnavailable, match="journald takes no entry"):
        for size in range(10_000):  # until its queue is full
            await sink.post(note_of(size))
    journal.close()
    with pytest.raises(AnchorUnavailable):
        await sink.post(note_of(1))


def test_without_journald_there_is_no_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "socket")
    assert journal_sink() is None
