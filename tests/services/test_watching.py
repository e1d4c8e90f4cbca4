"""What a place is told of a running job, and when the phone rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from appliance.core.jobs import State
from appliance.core.model import (
    Allowed,
    Ended,
    Ending,
    JobId,
    Place,
    Platform,
    PostKind,
    Retrying,
    Said,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Usage,
    Used,
)
from appliance.core.preferences import Language, Preferences, Verbosity
from tests.examples import PLACE
from tests.services.rig import RULE, Puppet, Rig, running

GROUP = Place(Platform.TELEGRAM, "-100", "7")


class Slow:
    """An agent that does what a test tells it, and ends when it is told to."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.puppet: Puppet | None = None
        self.ended = asyncio.Event()
        self.end = Ended(Ending.SUCCEEDED, "all done", Usage(cost_microdollars=120_000))
        rig.agent.script = self._script

    async def _script(self, puppet: Puppet) -> Ended:
        self.puppet = puppet
        await self.ended.wait()
        return self.end

    async def begins(self, place: Place | None = None) -> Puppet:
        await self.rig.says("/run fix it", place=place)
        async with asyncio.timeout(5):
            while self.puppet is None:
                await asyncio.sleep(0)
        return self.puppet

    async def ends(self) -> str:
        self.ended.set()
        return await self.rig.chat.until(self.end.text)


@pytest.fixture
async def slow(rig: Rig) -> Slow:
    return Slow(rig)


def call(command: str, call_id: str = "t1") -> ToolCall:
    return ToolCall(call_id, "Bash", {"command": command}, "/srv/demo")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)


async def shows(rig: Rig, *words: str) -> str:
    """What the live message last showed, once all the words are in it."""

    def last() -> str:
        return rig.chat.shown[-1].text if rig.chat.shown else ""

    try:
        await until(lambda: all(word in last() for word in words))
    except TimeoutError:
        raise AssertionError(f"not {words} but {last()!r}") from None
    return last()


async def pass_time(rig: Rig, seconds: int) -> None:
    for _ in range(seconds // 5):
        for _ in range(5):
            await asyncio.sleep(0)
        rig.clock.advance(5)
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_live_message_tells_what_it_does_how_long_and_how_much(
    rig: Rig, slow: Slow
) -> None:
    puppet = await slow.begins()
    puppet.tell(Used("m1", Usage(input_tokens=1200, output_tokens=34)))
    puppet.tell(ToolStarted(call("pytest -q")))
    text = await shows(rig, "Bash: pytest -q", "1 step", "1,234 tokens")
    assert "Job 1 is running · demo\n" in text
    assert "for alice" not in text
    await pass_time(rig, 30)
    await shows(rig, "Bash: pytest -q · 30 s", "1 step · 30 s")
    puppet.tell(ToolFinished("t1", False, "3 passed"))
    await shows(rig, "thinking")
    puppet.tell(Said("Now the next thing."))
    await shows(rig, "Now the next thing.")
    puppet.tell(Retrying("the model's API answers 529"))
    await shows(rig, "the model's API answers 529")
    assert rig.chat.shown[-1].reply is not None
    ((stop,),) = rig.chat.shown[-1].reply.buttons
    assert stop.token == "s:1"


async def test_the_answer_has_a_footer_and_is_the_only_message_that_rings(
    rig: Rig, slow: Slow
) -> None:
    puppet = await slow.begins()
    puppet.tell(ToolStarted(call("make test")))
    puppet.tell(ToolFinished("t1", False, "....\n12 passed in 0.31s\n"))
    await shows(rig, "1 step")
    await pass_time(rig, 65)
    answer = await slow.ends()
    assert answer == "all done\n\n1 min 5 s · $0.12\ntests: 12 passed in 0.31s"
    await rig.chat.until("Job 1 ✓ done")
    new = [post.reply for post in rig.chat.posts if post.kind is PostKind.NEW]
    ringing = [reply.body.text for reply in new if not reply.silent]
    assert ringing == [answer]


async def test_in_a_group_it_is_said_for_whom(rig: Rig, slow: Slow) -> None:
    rig.policy.table["pair group"] = Allowed(RULE)
    await rig.says("/pair", place=GROUP)
    await rig.chat.until("From now on I work in this topic")
    await rig.says("/project demo", place=GROUP)
    puppet = await slow.begins(GROUP)
    puppet.tell(Said("hm"))
    await shows(rig, "Job 1 is running · alice · demo")


async def test_it_is_said_in_the_language_of_the_place(rig: Rig, slow: Slow) -> None:
    rig.state.save_preferences(PLACE, Preferences(language=Language.GERMAN))
    puppet = await slow.begins()
    puppet.tell(ToolStarted(call("ls")))
    await shows(rig, "Auftrag 1 läuft · demo", "1 Schritt")


async def test_a_quiet_place_gets_the_answer_only(rig: Rig, slow: Slow) -> None:
    rig.state.save_preferences(PLACE, Preferences(verbosity=Verbosity.QUIET))
    before = len(rig.chat.posts)
    puppet = await slow.begins()
    puppet.tell(Said("I begin."))
    puppet.tell(ToolStarted(call("ls")))
    await pass_time(rig, 60)
    await slow.ends()
    assert [p.reply.body.text.partition("\n")[0] for p in rig.chat.posts[before:]] == ["all done"]
    assert all(progress.reply is None for progress in rig.chat.shown)


async def test_a_full_place_hears_what_the_agent_says_but_its_answer_once(
    rig: Rig, slow: Slow
) -> None:
    rig.state.save_preferences(PLACE, Preferences(verbosity=Verbosity.FULL))
    puppet = await slow.begins()
    puppet.tell(Said("I will look."))
    puppet.tell(ToolStarted(call("ls")))
    await rig.chat.until("I will look.")
    puppet.tell(Said("Here is a file."))
    puppet.tell(Said("And another."))
    puppet.tell(ToolStarted(call("cat a", "t2")))
    await pass_time(rig, 20)
    assert await rig.chat.until("And another.") == "Here is a file.\n\nAnd another."
    puppet.tell(Said("all done"))
    await slow.ends()
    await rig.chat.until("✓ done")
    said = [post.reply for post in rig.chat.posts if "I will look" in post.reply.body.text]
    assert [reply.silent for reply in said] == [True]
    assert sum("all done" in text for text in rig.chat.messages.values()) == 1


async def test_silence_is_told_once_and_what_it_did_last(rig: Rig, slow: Slow) -> None:
    puppet = await slow.begins()
    puppet.tell(ToolStarted(call("make everything")))
    await shows(rig, "make everything")
    await pass_time(rig, 9 * 60)
    assert not any("no sign of life" in text for text in rig.chat.messages.values())
    await pass_time(rig, 60)
    notice = await rig.chat.until("has shown no sign of life for 10 min")
    assert "Under way: Bash: make everything" in notice
    posts = [post for post in rig.chat.posts if post.reply.body.text == notice]
    assert [(post.reply.silent, post.reply.buttons[0][0].token) for post in posts] == [
        (False, "s:1")
    ]
    await pass_time(rig, 30 * 60)
    assert sum("no sign of life" in text for text in rig.chat.messages.values()) == 1
    puppet.tell(ToolFinished("t1", False, ""))
    await rig.chat.until("it went on")
    await pass_time(rig, 11 * 60)
    assert sum("no sign of life" in text for text in rig.chat.messages.values()) == 2
    await slow.ends()
    await rig.chat.until("and has ended")


async def test_while_people_are_asked_it_is_not_the_job_that_is_silent(
    rig: Rig, slow: Slow
) -> None:
    puppet = await slow.begins()
    async with asyncio.TaskGroup() as group:
        group.create_task(puppet.call("Bash", command="git push"))
        await rig.chat.until("May this run?")
        await pass_time(rig, 5)
        await shows(rig, "Job 1 waits for an answer")
        await pass_time(rig, 9 * 60 + 45)
        await rig.clicks(rig.button("Approve"))
        await shows(rig, "Job 1 is running", "thinking")
    await pass_time(rig, 9 * 60)
    assert not any("no sign of life" in text for text in rig.chat.messages.values())


async def test_a_job_that_waited_in_line_has_one_message(tmp_path: Path) -> None:
    async for rig in _rig(tmp_path):
        slow = Slow(rig)
        await slow.begins()
        rig.agent.script = lambda puppet: None
        await rig.says("/run then this")
        await rig.chat.until("Job 2 is waiting")
        await slow.ends()
        await rig.chat.until("Job 2 ✓ done")
        assert not any("Job 2 is waiting" in text for text in rig.chat.messages.values())
        job = rig.state.job(JobId(2))
        assert job is not None
        assert job.state is State.SUCCEEDED
        new = [post.reply.body.text for post in rig.chat.posts if post.kind is PostKind.NEW]
        assert not any("Job 2 started" in text for text in new)


async def _rig(directory: Path) -> AsyncIterator[Rig]:
    rig = Rig(directory)
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("Project is now demo")
        yield rig
    rig.state.close()
