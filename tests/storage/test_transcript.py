"""The web page's history: new and changed lines after a point, older ones before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.storage.state import SqliteState
from appliance.storage.transcript import SqliteTranscript


@pytest.fixture
def transcript(tmp_path: Path) -> Iterator[SqliteTranscript]:
    state = SqliteState.open(tmp_path)
    yield state.transcript
    state.close()


def test_a_changed_line_keeps_its_position_and_gets_a_new_number(
    transcript: SqliteTranscript,
) -> None:
    first = transcript.upsert("me", "a", "1", b"file")
    second = transcript.upsert("me", "b", "2")
    third = transcript.upsert("me", "a", "changed")
    assert first < second < third
    assert [line.payload for line in transcript.after("me", first, 10)] == ["2", "changed"]
    assert [line.payload for line in transcript.before("me", 99, 10)] == ["changed", "2"]
    assert transcript.attachment("me", "a") == b"file"


def test_chats_do_not_see_each_other(transcript: SqliteTranscript) -> None:
    transcript.upsert("me", "a", "mine")
    assert transcript.after("you", 0, 10) == []
    assert transcript.find("you", "a") is None
    assert transcript.attachment("you", "a") is None


def test_pages_of_history_are_the_last_before_a_position(transcript: SqliteTranscript) -> None:
    for number in range(5):
        transcript.upsert("me", str(number), str(number))
    assert [line.payload for line in transcript.before("me", 5, 2)] == ["2", "3"]
