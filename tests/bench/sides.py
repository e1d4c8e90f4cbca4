"""The two contenders and what we see of them: their chat, their agent, their process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.far_side import CHATS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE_SECONDS = 60
TOKEN = "4711:bench"


class NothingCame(Exception):
    """What was waited for did not happen."""


@asynccontextmanager
async def patience(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError as error:
        raise NothingCame(f"waited {PATIENCE_SECONDS} s for {what}") from error


class FarSide:
    """A running emulator: says messages, tells what the bot did."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self._events: asyncio.Queue[Mapping[str, str | int]] = asyncio.Queue()

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._events.put_nowait(json.loads(line))

    async def say(self, text: str, chat: int, times: int = 1) -> int:
        """When the messages were there to be fetched."""
        assert self._process.stdin is not None
        command = {"say": text, "chat": chat, "times": times}
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.next("said")

    async def next(self, event: str, text: str = "") -> int:
        """When the next such event happened; earlier events are forgotten."""
        async with patience(f"the chat to see: {event} {text}"):
            while True:
                found = await self._events.get()
                if found["event"] == event and text in str(found.get("text", "")):
                    return int(found["t"])

    def forget(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()


@asynccontextmanager
async def far_side() -> AsyncIterator[FarSide]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.far_side", TOKEN),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        listening = json.loads(await process.stdout.readline())
        far = FarSide(process, listening["url"])
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(far.listen())
            yield far
            listener.cancel()
    finally:
        await end(process, signal.SIGKILL)


async def end(process: asyncio.subprocess.Process, by: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(by)
    await process.wait()


class StubAgent:
    """The program that stands in for `claude`, installed in a directory the sandbox shows."""

    def __init__(self, directory: Path) -> None:
        self.program = directory / "claude"
        fifo = directory / "claude.events"
        shutil.copy(HERE / "claude_stub.sh", self.program)
        shutil.copy(HERE / "claude_stub.py", directory / "claude.py")
        self.program.chmod(0o755)
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo)
        self._events: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self._fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # open both ways: never at its end
        asyncio.get_running_loop().add_reader(self._fifo, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fifo)
        os.close(self._fifo)

    def _read(self) -> None:
        now = time.monotonic_ns()
        for line in os.read(self._fifo, 65536).decode().splitlines():
            event, _, told = line.partition(" ")
            self._events.put_nowait((event, int(told or now)))

    async def next(self, event: str) -> int:
        async with patience(f"the agent to say: {event}"):
            while True:
                found, at = await self._events.get()
                if found == event:
                    return at

    def forget(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()


@dataclass(frozen=True, slots=True)
class Sample:
    """One message through one side, in milliseconds."""

    agent_started: float
    first_reaction: float
    answered: float


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a side, in seconds; `ready` None when the side does not say."""

    first_poll: float
    ready: float | None


class Side:
    """A bot program with its chat and its agent."""

    def __init__(
        self,
        command: tuple[str, ...],
        far: FarSide,
        agent: StubAgent,
        work: Path,
        *,
        prompt: str,
        environment: Mapping[str, str],
    ) -> None:
        self._command = command
        self._far = far
        self._agent = agent
        self._work = work
        self._prompt = prompt
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> Start:
        self._far.forget()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            address = self._work / "notify"
            address.unlink(missing_ok=True)
            notify.bind(str(address))
            notify.setblocking(False)
            with (self._work / "log").open("a") as log:
                began = time.monotonic_ns()
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    env={**self._environment, "NOTIFY_SOCKET": str(address)},
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )
            polled = await self._far.next("polled")
            ready = await self._ready(notify) if self._says_ready() else None
        return Start((polled - began) / 1e9, None if ready is None else (ready - began) / 1e9)

    def _says_ready(self) -> bool:
        return self._command[0].endswith("dispatchd")

    async def _ready(self, notify: socket.socket) -> int:
        loop = asyncio.get_running_loop()
        async with patience("READY"):
            while b"READY=1" not in await loop.sock_recv(notify, 4096):
                pass
        return time.monotonic_ns()

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        await end(self._process, by)

    async def sample(self, number: int) -> Sample:
        self._far.forget()
        self._agent.forget()
        chat = CHATS[number % len(CHATS)]
        said = await self._far.say(f"{self._prompt}{number}", chat)
        reacted = await self._far.next("call")
        started = await self._agent.next("started")
        ended = await self._agent.next("ended")
        answered = await self._far.next("call", f"answer {number}")
        return Sample((started - said) / 1e6, (reacted - said) / 1e6, (answered - ended) / 1e6)

    async def burst(self, count: int) -> float:
        """Messages per second until the last was confirmed to the platform."""
        self._far.forget()
        began = time.monotonic_ns()
        await self._far.say(f"{self._prompt}0", CHATS[0], count)
        fetched = await self._far.next("fetched")
        return count * 1e9 / (fetched - began)


@asynccontextmanager
async def plain_script(work: Path) -> AsyncIterator[Side]:
    async with _parts(work) as (far, agent):
        users = ",".join(map(str, CHATS))
        arguments = (far.url, TOKEN, users, str(agent.program), str(work / "project"))
        command = (sys.executable, "-m", "tests.bench.plain_script", *arguments)
        yield Side(command, far, agent, work, prompt="task ", environment={"PATH": os.defpath})


@asynccontextmanager
async def daemon(work: Path, *, with_bubblewrap: bool) -> AsyncIterator[Side]:
    """Our daemon, everything on."""
    async with _parts(work) as (far, agent):
        settings = work / "dispatch.toml"
        settings.write_text(_settings(work, far.url, agent.program, with_bubblewrap))
        credentials = work / "credentials"
        credentials.mkdir(mode=0o700, exist_ok=True)
        token = credentials / "telegram-token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        program = Path(sys.executable).with_name("dispatchd")
        command = (str(program), "--config", str(settings))
        yield Side(command, far, agent, work, prompt="/run task ", environment={"PATH": os.defpath})


@asynccontextmanager
async def _parts(work: Path) -> AsyncIterator[tuple[FarSide, StubAgent]]:
    project, programs = work / "project", work / "programs"
    for directory in (project, programs):
        directory.mkdir(parents=True, exist_ok=True)
    async with far_side() as far:
        agent = StubAgent(programs)
        try:
            yield far, agent
        finally:
            agent.close()


def _settings(work: Path, api: str, claude: Path, with_bubblewrap: bool) -> str:
    return f"""
[daemon]
state = "{work}/state"
policies = "{ROOT}/policies"
credentials = "{work}/credentials"
minimum_isolation = "none"
unsafe_no_sandbox = {str(not with_bubblewrap).lower()}

[telegram]
api = "{api}"

[claude]
program = "{claude}"
home = "{work}/home"

[users.me]
telegram = {list(CHATS)}

[projects.bench]
path = "{work}/project"
"""
