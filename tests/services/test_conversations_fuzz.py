"""No order of messages, changes, stops and endings loses a message or runs one twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.jobs import State as JobState
from appliance.core.model import Edited, Ended, Ending, Place, Platform, Prompt
from tests.examples import ALICE, NOW
from tests.services.rig import Puppet, Rig, running

PLACE = Place(Platform.TELEGRAM, ALICE.sender.id)

SAY, RUN, EDIT, STOP, NEW, READ, END, SETTLE = range(8)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from([SAY, SAY, RUN, EDIT, STOP, NEW, READ, END, SETTLE, SETTLE]),
        st.integers(0, 5),
    ),
    max_size=14,
)


class Reader:
    """An agent that reads what is said to it now and then, and ends when it is told to."""

    def __init__(self, puppet: Puppet) -> None:
        self.puppet = puppet
        self.pending: list[str] = []
        self.read: list[str] = []
        self.end = asyncio.Event()
        puppet.steer = self.steer  # type: ignore[method-assign]
        puppet.unread = lambda: list(self.pending)  # type: ignore[method-assign]

    async def steer(self, text: str) -> bool:
        if self.end.is_set() or self.puppet.interrupted.is_set():
            return False
        self.pending.append(text)
        return True

    def read_all(self) -> None:
        self.read += self.pending
        self.pending.clear()


class Story:
    """Says things to a rig and remembers every wording of each message."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.readers: list[Reader] = []
        self.wordings: dict[int, list[str]] = {}
        rig.agent.script = self.script

    async def script(self, puppet: Puppet) -> Ended | None:
        reader = Reader(puppet)
        self.readers.append(reader)
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(e.wait()) for e in (reader.end, puppet.interrupted)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in ends:
                each.cancel()
        return Ended(Ending.CANCELLED, "") if puppet.interrupted.is_set() else None

    async def do(self, operation: int, which: int) -> None:
        match operation:
            case 0:
                await self.say("")
            case 1:
                await self.say("/run ")
            case 2 if self.wordings:
                await self.edit(sorted(self.wordings)[which % len(self.wordings)])
            case 3:
                await self.rig.says("/stop")
            case 4:
                await self.rig.says("/new")
            case 5:
                for reader in self.readers:
                    reader.read_all()
            case 6:
                for reader in self.readers:
                    reader.end.set()
            case _:
                await self.until(lambda: not self.rig.state.waiting())

    async def say(self, before: str) -> None:
        number = self.rig.number + 1
        self.wordings[number] = [f"message-{number}"]
        await self.rig.says(f"{before}message-{number}")

    async def edit(self, number: int) -> None:
        self.rig.number += 1
        text = f"message-{number}-changed-{self.rig.number}"
        self.wordings[number].append(text)
        key = f"telegram:1:{self.rig.number}"
        await self.rig.intake([Edited(key, ALICE.sender, PLACE, text, NOW, str(100 + number))])

    async def finish(self) -> None:
        """Let every job end; what is read is read, what is not is offered again."""

        def is_over() -> bool:
            for reader in self.readers:
                reader.end.set()
            state = self.rig.state
            return not state.waiting() and not state.unfinished_jobs()

        await self.until(is_over)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_so():
                await asyncio.sleep(0)

    def check(self) -> None:
        run = [task.work.text for task in self.rig.agent.tasks if isinstance(task.work, Prompt)]
        worked_on = Counter([*run, *(text for reader in self.readers for text in reader.read)])
        for number, wordings in self.wordings.items():
            times = sum(worked_on[text] for text in wordings)
            assert times <= 1, (wordings, worked_on)
            assert times == 1 or self.was_stopped(number), (wordings, worked_on)

    def was_stopped(self, number: int) -> bool:
        job = self.rig.state.job_about(PLACE, str(100 + number))
        return job is not None and job.state is JobState.CANCELLED


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_every_message_is_worked_on_once_unless_it_was_stopped(
    operations: list[tuple[int, int]],
) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(play(operations, Path(directory)))


async def play(operations: list[tuple[int, int]], directory: Path) -> None:
    rig = Rig(directory)
    story = Story(rig)
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("roject is now demo")
        for operation, which in operations:
            await story.do(operation, which)
        await story.finish()
        story.check()
    rig.state.close()
