"""What of files and speech is remembered across restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import FileKind, IncomingFile, JobId, Millis, Prompt
from appliance.ports import Speech
from appliance.storage.state import SqliteState
from tests.examples import ALICE, BOB, PLACE, job

FILE = IncomingFile(FileKind.VOICE, "id", "ä.ogg", "audio/ogg", 12, 3)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    opened = SqliteState.open(tmp_path)
    yield opened
    opened.close()


def test_files_wait_for_one_person_in_one_place_and_not_for_ever(state: SqliteState) -> None:
    state.files.keep(PLACE, ALICE.name, [FILE], Millis(100))
    assert state.files.kept(PLACE, ALICE.name, Millis(100)) == (FILE,)
    assert state.files.kept(PLACE, ALICE.name, Millis(101)) == ()
    assert state.files.kept(PLACE, BOB.name, Millis(0)) == ()
    state.files.keep(PLACE, ALICE.name, [FILE, FILE], Millis(200))
    assert state.files.kept(PLACE, ALICE.name, Millis(0)) == (FILE, FILE)
    state.files.forget(PLACE, ALICE.name)
    assert state.files.kept(PLACE, ALICE.name, Millis(0)) == ()


def test_named_files_keep_their_order(state: SqliteState) -> None:
    added = state.add_job(job())
    state.files.name(added.id, ["b", "a"])
    assert state.files.named(added.id) == ("b", "a")
    state.files.name(added.id, ["c"])
    assert state.files.named(added.id) == ("c",)
    assert state.files.named(JobId(99)) == ()


def test_the_latest_job_of_a_session_with_files_is_found(state: SqliteState) -> None:
    with_files = replace(job(), work=Prompt("look", files=(FILE,)), session="s-1")
    first = state.add_job(replace(with_files, key="k1"))
    state.add_job(replace(with_files, key="k2", session="s-2"))
    state.add_job(replace(with_files, key="k3", work=Prompt("go on")))
    assert state.files.job_with_files("s-1") == first.id
    assert state.files.job_with_files("s-3") is None
    found = state.job(first.id)
    assert found is not None
    assert found.work == with_files.work


def test_speech_is_kept_until_it_is_settled(state: SqliteState) -> None:
    speech = state.files.add_speech(Speech(0, "k", PLACE, ALICE, FILE, Millis(5)))
    assert state.files.add_speech(replace(speech, number=0)) == speech  # offered again
    assert state.files.unheard() == (speech,)
    heard = replace(speech, text="fix it")
    state.files.save_speech(heard)
    assert state.files.unheard() == ()
    assert state.files.speech(speech.number) == heard
    state.files.forget_speech(speech.number)
    assert state.files.speech(speech.number) is None
