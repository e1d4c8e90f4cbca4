"""The real program, and tasks that have no network but a bridge to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.egress_link import Egress, EgressLink
from appliance.egress.wire import Limits
from tests.egress.rig import TASK, Daemon

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "appliance.app.dispatch_egress")
STUB = (sys.executable, "-I", "-S", str(Path(__file__).with_name("task_stub.py")))
PROXY = "http://127.0.0.1:3128"
HAS_BUBBLEWRAP = shutil.which("bwrap") is not None
NO_NETWORK = (
    "bwrap",
    "--dev-bind",
    "/",
    "/",
    "--unshare-net",
    "--unshare-pid",
    "--die-with-parent",
)


@asynccontextmanager
async def program(
    home: Path, *, around: Sequence[str] = (), uid: int | None = None
) -> AsyncIterator[tuple[Path, asyncio.subprocess.Process]]:
    """dispatch-egress as a process: where it listens, once it does."""
    path, serves = home / "egress.socket", os.getuid() if uid is None else uid
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(*around, *PROGRAM, "--socket", str(path), "--daemon", str(serves), "--lifeline"),
                stdin=theirs.fileno(),
                cwd=ROOT,
            )
        try:
            assert await asyncio.get_running_loop().sock_recv(ours, 1) == b"\n"
            yield path, process
        finally:
            ours.close()
            await asyncio.wait_for(process.wait(), 30)


@dataclass(frozen=True, slots=True)
class Result:
    """What a command said, and how it ended."""

    status: int
    output: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task whose commands have no network but the bridge."""

    egress: Egress
    _kept: socket.socket

    async def run(self, *command: str, **environment: str) -> Result:
        """A command beside a bridge, in a network namespace that has nothing but loopback."""
        number = self._kept.fileno()
        process = await asyncio.create_subprocess_exec(
            *(*NO_NETWORK, "--", *STUB, str(number), "3128", *command),
            pass_fds=[number],
            env=PROXIED | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        assert process.returncode is not None
        return Result(process.returncode, output.decode(errors="replace"))


PROXIED = {
    "PATH": os.getenv("PATH", os.defpath),
    "LANG": "C.UTF-8",
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), PROXY),
}


@asynccontextmanager
async def task(
    path: Path, daemon: Daemon, limits: Limits | None = None, uid: int | None = None
) -> AsyncIterator[Task]:
    """A task's session; its commands run one after the other over the same channel."""
    link = EgressLink(path, {os.getuid() if uid is None else uid}, limits)
    async with link.session(TASK, daemon.judge, daemon.record) as egress:
        with egress.channel.dup() as kept:
            yield Task(egress, kept)
