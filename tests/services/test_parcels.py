"""Files and the task they belong to, whichever of them comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.jobs import State
from appliance.core.model import (
    Oddity,
    Place,
    Platform,
)
from appliance.core.replies.about_files import not_understood
from tests.examples import ALICE, BOB, message
from tests.services.file_fakes import ended, file, prompt, send, starts
from tests.services.rig import Rig


async def test_a_file_without_a_word_waits_for_its_senders_next_words(rig: Rig) -> None:
    await send(rig, "", file(rig))
    asked = await rig.chat.until("What shall be done with this?")
    assert "a.csv" in asked
    assert rig.far_files.fetched == []
    await rig.says("sum it up")
    assert await ended(rig) is State.SUCCEEDED
    assert prompt(rig).startswith("sum it up\n")
    await rig.says("and now something else")
    await starts(rig, 2)
    assert "a.csv" not in prompt(rig)


async def test_words_that_come_in_the_same_moment_are_its_task(rig: Rig) -> None:
    sent = [replace(message("", 500), files=(file(rig),)), message("sum it up", 501)]
    await rig.intake(sent)
    assert await ended(rig) is State.SUCCEEDED
    assert "a.csv" in prompt(rig)
    assert not any("What shall" in text for text in rig.chat.messages.values())


async def test_several_of_them_wait_together(rig: Rig) -> None:
    await send(rig, "", file(rig), number=500)
    await send(rig, "", file(rig, "b.csv"), number=501)
    asked = await rig.chat.until("b.csv")
    assert "a.csv" in asked
    await rig.clicks("fl")
    assert await ended(rig) is State.SUCCEEDED
    assert "a.csv" in prompt(rig)
    assert "b.csv" in prompt(rig)
    assert prompt(rig).startswith("Look at the files")


async def test_somebody_elses_words_do_not_take_it(rig: Rig) -> None:
    await send(rig, "", file(rig))
    await rig.chat.until("What shall")
    await rig.says("my own task", BOB, Place(Platform.TELEGRAM, ALICE.sender.id))
    await ended(rig)
    assert "a.csv" not in prompt(rig)


async def test_it_does_not_wait_for_ever(rig: Rig) -> None:
    await send(rig, "", file(rig))
    await rig.chat.until("What shall")
    rig.clock.advance(11 * 60)
    await rig.clicks("fl")
    await rig.chat.until("No files wait here any more")
    await rig.says("something else")
    await ended(rig)
    assert "a.csv" not in prompt(rig)


async def test_it_can_be_forgotten(rig: Rig) -> None:
    await send(rig, "", file(rig))
    await rig.chat.until("What shall")
    await rig.clicks("ff")
    await rig.chat.until("Forgotten; nothing was fetched.")
    await rig.says("something else")
    await ended(rig)
    assert "a.csv" not in prompt(rig)


async def test_a_command_that_takes_no_files_says_so(rig: Rig) -> None:
    await send(rig, "/status", file(rig))
    await rig.chat.until("/status takes no files.")


@pytest.mark.parametrize("oddity", list(Oddity))
async def test_each_kind_of_what_is_no_file_has_its_own_sentence(rig: Rig, oddity: Oddity) -> None:
    await rig.intake([replace(message("", 500), oddity=oddity)])
    said = await rig.chat.until(str(not_understood(oddity)))
    assert "nothing in that I can read" not in said
