"""Starts the tasks that attack, and collects what became of their attempts."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.agent.task_link import Launch, Running, TaskLink
from appliance.app.attack import intruder
from appliance.app.attack.bombs import BOMBS, Bomb, Outcome
from appliance.app.attack.findings import Attempt
from appliance.app.attack.stage import Targets
from appliance.core.model import Isolation, Proceed, Refuse, Task, ToolCall, Verdict
from appliance.errors import AgentFailed
from appliance.ports import Judge

SECONDS = 120.0
SILENCE_SECONDS = 3.0
MAX_OUTPUT = 64 * 1024
PYTHON = str(Path(sys.executable).resolve())
SCRIPT = Path(intruder.__file__).read_bytes()


@dataclass(slots=True)
class Assault:
    """Tasks like `task`, started through `link`. `isolation` is the wall they had."""

    link: TaskLink
    task: Task
    targets: Targets
    judge: Judge
    python: str = PYTHON
    isolation: Isolation = Isolation.NONE
    attempts: list[Attempt] = field(default_factory=list)

    async def run(self, *names: str) -> Sequence[Attempt]:
        """The intruder's attempts, or those of these names. Raises SandboxRefused, AgentFailed."""
        words = ("-I", "-S", "-", self.targets.encode(), *names)
        launch = Launch((self.python, *words), {}, has_own_stderr=True)
        judge = _lenient(self.judge, _granted(self.targets))
        async with self.link.connected(self.task, launch, judge) as running:
            self.isolation = running.isolation
            running.stdin.write(SCRIPT)
            running.stdin.write_eof()
            with suppress(TimeoutError):  # what was not said by then was not tried
                async with asyncio.timeout(SECONDS):
                    await self._listen(running)
            if not self.attempts:
                raise AgentFailed(
                    f"no Python runs in a task: {await _last_words(running)}",
                    hint=f"tasks have to see {self.python}",
                )
        return self.attempts

    async def bomb(self) -> Sequence[Attempt]:
        """One task after the other."""
        for name, bomb in BOMBS.items():
            self.attempts.append(await self._thrown(name, bomb))
        return self.attempts

    async def _listen(self, running: Running) -> None:
        while line := await running.stdout.readline():
            found = _line(line)
            if isinstance(found, int):
                await asyncio.to_thread(_visit, found, self.targets.marks["secret"].encode())
            elif found is not None:
                self.attempts.append(found)

    async def _thrown(self, name: str, bomb: Bomb) -> Attempt:
        limits = replace(self.task.limits, ceiling=bomb.ceiling, timeout_seconds=30)
        launch = Launch((self.python, "-I", "-S", "-c", bomb.script), {})
        async with self.link.start(replace(self.task, limits=limits), launch) as running:
            running.stdin.close()
            exited = await running.exited()
            output, is_silent = await _rest(running)
        refused = bomb.is_refused(Outcome(output, exited, is_silent))
        ended = f"stopped for {exited.exceeded}" if exited.exceeded else ""
        said = " ".join(dict.fromkeys(output.splitlines()[-3:]))
        return Attempt(name, refused, ended or said or f"ended by signal {exited.signal}")


async def _last_words(running: Running) -> str:
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            said = (await running.stderr.read(MAX_OUTPUT)).decode(errors="replace").split("\n")
            return next((line for line in reversed(said) if line.strip()), "it said nothing")
    return "it says nothing"


async def _rest(running: Running) -> tuple[str, bool]:
    """All that it printed, and whether there is nobody left who could print more."""
    output = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            while chunk := await running.stdout.read(MAX_OUTPUT):
                output = (output + chunk)[-MAX_OUTPUT:]
            return output.decode(errors="replace"), True
    return output.decode(errors="replace"), False


def _line(line: bytes) -> Attempt | int | None:
    """What it says; None for what it was not meant to say. An int: a port to come to."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    match found:
        case {"listening": int(port)} if 0 < port < 2**16:
            return port
        case {"name": str(name), "refused": bool() | None as refused, "detail": str(detail)}:
            return Attempt(name, refused, detail) if name in intruder.ATTACKS else None
        case _:
            return None


def _visit(port: int, secret: bytes) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as visitor:
        visitor.sendall(secret)


def _granted(targets: Targets) -> frozenset[str]:
    """Where the judge outside lets it go, so that the proxy itself has to refuse."""
    marks = targets.marks
    names = {marks[name] for name in ("granted", "loopback_name", "private_name")}
    return frozenset(names - {""})


def _lenient(judge: Judge, granted: Collection[str]) -> Judge:
    async def judged(call: ToolCall) -> Verdict:
        target = f"{call.input['host']}:{call.input['port']}"
        return Proceed(call.input) if target in granted else await judge(call)

    return judged


async def refuse(_call: ToolCall) -> Verdict:
    """A judge that grants nothing."""
    return Refuse("nothing allows that")
