"""Spoken messages: written down, shown, and done when their sender says that they are right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.events import SpeechHeard
from appliance.core.model import FileKind, IncomingFile, Millis, Prompt
from appliance.core.preferences import Language, Preferences
from appliance.errors import ChatRefused, NotHeard
from appliance.ports import Speech
from tests.examples import ALICE, BOB, message
from tests.services.rig import Rig


async def speaks(rig: Rig, number: int = 500, seconds: int = 3, size: int = 6) -> None:
    name = f"voice-{number}"
    rig.far_files.content[name] = b"sound!"
    note = IncomingFile(FileKind.VOICE, name, mime="audio/ogg", size=size, seconds=seconds)
    await rig.intake([replace(message("", number), files=(note,))])


async def test_what_was_understood_is_shown_and_run_on_a_yes(rig: Rig) -> None:
    rig.transcriber.words = " fix the  bug\n"
    await speaks(rig)
    await rig.chat.until("Listening")
    assert "fix the bug" in await rig.chat.until("I understood:")
    assert rig.agent.tasks == []
    assert rig.transcriber.heard == [(b"sound!", None)]
    await rig.clicks(rig.button("Run it"))
    await rig.chat.until("all done")
    await rig.chat.until("✓ Being run:")
    work = rig.agent.tasks[0].work
    assert isinstance(work, Prompt)
    assert (work.text, work.files) == ("fix the bug", ())
    (event,) = [event for event in rig.audit.events if isinstance(event, SpeechHeard)]
    assert event.text == "fix the bug"


async def test_it_is_run_once_however_often_the_button_is_pressed(rig: Rig) -> None:
    rig.transcriber.words = "fix the bug"
    await speaks(rig)
    await rig.chat.until("I understood:")
    token = rig.button("Run it")
    await rig.clicks(token)
    await rig.clicks(token)
    await rig.chat.until("all done")
    await rig.chat.until("That is not there any more.")
    assert len(rig.agent.tasks) == 1


async def test_it_can_be_thrown_away(rig: Rig) -> None:
    rig.transcriber.words = "rm everything"
    await speaks(rig)
    await rig.chat.until("I understood:")
    token = rig.button("Run it")
    await rig.clicks(rig.button("Discard"))
    await rig.chat.until("Discarded.")
    await rig.clicks(token)
    await rig.chat.until("That is not there any more.")
    assert rig.agent.tasks == []


async def test_what_is_written_takes_its_place(rig: Rig) -> None:
    rig.transcriber.words = "fix the buck"
    await speaks(rig)
    await rig.chat.until("I understood:")
    token = rig.button("Run it")
    await rig.says("/status")
    await rig.says("fix the bug")
    assert "fix the buck" in await rig.chat.until("You wrote something instead of:")
    await rig.chat.until("all done")
    await rig.clicks(token)
    await rig.chat.until("That is not there any more.")
    assert [task.work for task in rig.agent.tasks] == [Prompt("fix the bug")]


async def test_nobody_else_runs_ones_words(rig: Rig) -> None:
    rig.transcriber.words = "fix the bug"
    await speaks(rig)
    await rig.chat.until("I understood:")
    await rig.clicks(rig.button("Run it"), BOB)
    await rig.chat.until("That is not there any more.")
    assert rig.agent.tasks == []


async def test_the_language_is_that_of_the_place(rig: Rig) -> None:
    rig.state.save_preferences(message("", 1).place, Preferences(language=Language.GERMAN))
    rig.transcriber.words = "mach das"
    await speaks(rig)
    await rig.chat.until("Verstanden habe ich:")
    assert rig.transcriber.heard == [(b"sound!", "de")]


@pytest.mark.parametrize(
    ("seconds", "size", "words"),
    [(61, 6, "That is longer than a minute."), (3, 2000, "2 kB; 1000 B is the most")],
)
async def test_what_is_too_long_or_too_large_is_not_fetched(
    rig: Rig, seconds: int, size: int, words: str
) -> None:
    await speaks(rig, seconds=seconds, size=size)
    await rig.chat.until(words)
    assert rig.far_files.fetched == []


async def test_why_it_was_not_understood_is_told(rig: Rig) -> None:
    rig.transcriber.failure = NotHeard("the model of [voice] cannot be used")
    await speaks(rig)
    await rig.chat.until("I could not listen to that: the model of [voice] cannot be used.")
    rig.transcriber.failure = None
    await speaks(rig, 501)
    await rig.chat.until("I understood no words.")
    rig.far_files.failures = [ChatRefused("Telegram does not have this file any more")]
    await speaks(rig, 502)
    await rig.chat.until("I could not listen to that: Telegram does not have")


async def test_what_may_not_be_run_is_not_listened_to(rig: Rig) -> None:
    del rig.policy.table["/run"]
    await speaks(rig)
    await rig.chat.until("nothing allows /run")
    assert rig.far_files.fetched == []


async def test_what_was_to_be_heard_when_the_daemon_died_is_heard_later(rig: Rig) -> None:
    note = IncomingFile(FileKind.VOICE, "voice-9")
    rig.far_files.content["voice-9"] = b"sound!"
    rig.transcriber.words = "fix the bug"
    place = message("", 1).place
    rig.state.files.add_speech(Speech(0, "k", place, ALICE, note, Millis(1)))
    (waiting,) = rig.state.files.unheard()
    assert (waiting.key, waiting.text, waiting.file) == ("k", None, note)
    await speaks(rig)  # wakes it, as a start does
    await rig.chat.until("I understood:")
    assert rig.state.files.unheard() == ()
    assert waiting.actor == ALICE
