"""Where files come from and who listens, for tests of the services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.core.jobs import State
from appliance.core.model import FileKind, IncomingFile, JobId, Message, Prompt
from appliance.errors import NotHeard
from tests.examples import message

if TYPE_CHECKING:  # which has these fakes
    from tests.services.rig import Rig

ONE = JobId(1)


class FakeFiles:
    """`content` by file id; `failures` are raised first, one for each try."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.failures: list[Exception] = []
        self.fetched: list[str] = []

    async def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        self.fetched.append(file.id)
        yield self.content[file.id][:3]
        if self.failures:
            raise self.failures.pop(0)
        yield self.content[file.id][3:]


class FakeTranscriber:
    """Understands whatever `words` say."""

    def __init__(self) -> None:
        self.words = ""
        self.failure: NotHeard | None = None
        self.heard: list[tuple[bytes, str | None]] = []

    async def transcribe(self, sound: bytes, language: str | None) -> str:
        self.heard.append((sound, language))
        if self.failure is not None:
            raise self.failure
        return self.words


def file(rig: Rig, name: str = "a.csv", content: bytes = b"1,2,3") -> IncomingFile:
    number = f"file-{len(rig.far_files.content)}"
    rig.far_files.content[number] = content
    return IncomingFile(FileKind.DOCUMENT, number, name, size=len(content))


async def send(rig: Rig, text: str, *files: IncomingFile, number: int = 500) -> Message:
    sent = replace(message(text, number), files=files)
    await rig.intake([sent])
    return sent


async def passes(rig: Rig, is_so: Callable[[], bool]) -> None:
    """Time passes until it is so."""
    async with asyncio.timeout(5):
        while not is_so():
            rig.clock.advance(1)
            await asyncio.sleep(0)


async def starts(rig: Rig, tasks: int) -> None:
    async with asyncio.timeout(5):
        while len(rig.agent.tasks) < tasks:
            await asyncio.sleep(0)


def prompt(rig: Rig, index: int = -1) -> str:
    work = rig.agent.tasks[index].work
    assert isinstance(work, Prompt)
    return work.text


async def ended(rig: Rig, job: JobId = ONE) -> State:
    await rig.chat.until("all done")
    found = rig.state.job(job)
    assert found is not None
    return found.state
