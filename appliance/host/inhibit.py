"""How this machine is kept awake: logind, the command `systemd-inhibit`, macOS's `caffeinate`.

Each way is bound to the life of a small program of ours (`appliance.host.lease`) that goes on only
while it hears from the daemon. So a daemon that was killed lets go at once, since the kernel
closes the pipe; and one that hangs, or was stopped, within `lease_seconds`. That is one rule for
all ways and all machines; a service manager's watchdog would do it only where there is one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from appliance.errors import WakeUnavailable
from appliance.host import lease, logind
from appliance.ports import Hold, Inhibitor

WHO = "dispatch-appliance"
START_SECONDS = 10.0
END_SECONDS = 2.0
MAX_COMPLAINT_BYTES = 2000

ALL_SLEEP = "sleep:idle"
ONLY_IDLE = "idle"  # all that polkit lets a system user block when nobody has told it more
LID = "handle-lid-switch"
IDLE_SHORTFALL = "only idling is blocked: logind lets us block neither a suspend nor the lid"
LID_SHORTFALL = "a closed lid sends a Mac to sleep all the same"


def of_this_machine(*, lid: bool, lease_seconds: float, platform: str = sys.platform) -> Inhibitor:
    """The best way there is; `lid`: a closed lid is to be no reason to sleep either."""
    if platform == "darwin":
        shortfall = LID_SHORTFALL if lid else ""
        return CommandInhibitor("caffeinate", caffeinate, lease_seconds, shortfall)
    everything = f"{ALL_SLEEP}:{LID}" if lid else ALL_SLEEP
    ways: list[Inhibitor] = []
    for what, shortfall in ((everything, ""), (ONLY_IDLE, IDLE_SHORTFALL)):
        ways.append(LogindInhibitor(what, lease_seconds, shortfall))
        ways.append(
            CommandInhibitor("systemd-inhibit", systemd_inhibit(what), lease_seconds, shortfall)
        )
    return BestOf(ways)


class LogindInhibitor:
    """Port `Inhibitor` over D-Bus."""

    means = "logind"

    def __init__(self, what: str, lease_seconds: float, shortfall: str = "") -> None:
        self._what = what
        self._lease_seconds = lease_seconds
        self._shortfall = shortfall

    async def hold(self, why: str) -> Hold:
        """See `Inhibitor`."""
        descriptor = await asyncio.to_thread(logind.inhibit, self._what, WHO, why)
        try:
            return await _start((), self._lease_seconds, self._shortfall, descriptor)
        finally:
            os.close(descriptor)  # the lease has a copy, and nobody else


class CommandInhibitor:
    """Port `Inhibitor` over a command that keeps the machine awake while another one runs.

    `prefix` makes the command's words of the reason.
    """

    def __init__(
        self,
        means: str,
        prefix: Callable[[str], Sequence[str]],
        lease_seconds: float,
        shortfall: str = "",
    ) -> None:
        self.means = means
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        self._shortfall = shortfall

    async def hold(self, why: str) -> Hold:
        """See `Inhibitor`."""
        return await _start(self._prefix(why), self._lease_seconds, self._shortfall)


def systemd_inhibit(what: str) -> Callable[[str], Sequence[str]]:
    """The fall-back where the bus is there, but not for us."""
    return lambda why: (
        "systemd-inhibit",
        f"--what={what}",
        f"--who={WHO}",
        f"--why={why}",
        "--mode=block",
    )


def caffeinate(_why: str) -> Sequence[str]:
    """`-i`: the machine does not sleep by itself. It shows no reasons (`pmset -g assertions`)."""
    return ("caffeinate", "-i")


class BestOf:
    """Port `Inhibitor`: the first of several ways that works, each time anew."""

    def __init__(self, ways: Sequence[Inhibitor]) -> None:
        self._ways = tuple(ways)
        self._last = self._ways[0]

    @property
    def means(self) -> str:
        return self._last.means

    async def hold(self, why: str) -> Hold:
        """See `Inhibitor`. What it raises is what each way has said, once."""
        complaints: list[str] = []
        for way in self._ways:
            try:
                hold = await way.hold(why)
            except WakeUnavailable as error:
                complaints.append(error.message)
            else:
                self._last = way
                return hold
        raise WakeUnavailable("; ".join(dict.fromkeys(complaints)))


class Lease:
    """Port `Hold`: a running lease, and whatever it was started by."""

    def __init__(self, process: Process, shortfall: str) -> None:
        assert process.stdin is not None
        self.shortfall = shortfall
        self._process = process
        self._stdin = process.stdin

    async def renew(self) -> bool:
        """See `Hold`."""
        if self._process.returncode is not None or self._stdin.is_closing():
            return False
        try:
            self._stdin.write(b".")
            await self._stdin.drain()
        except ConnectionError:
            return False
        return True

    async def release(self) -> None:
        """See `Hold`. A lease that does not see its end is killed."""
        self._stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _start(
    prefix: Sequence[str], lease_seconds: float, shortfall: str, *descriptors: int
) -> Lease:
    """Returns once the lease holds. Raises WakeUnavailable."""
    program = Path(lease.__file__)
    words = (*prefix, sys.executable, "-I", "-S", str(program), str(lease_seconds))
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            pass_fds=descriptors,
            # in our session, or it would be taken for an orphan of a task; but not in the group
            # that a terminal's Ctrl-C goes to: it is for the daemon to end it
            process_group=0,
        )
    except OSError as error:
        raise WakeUnavailable(f"cannot run {words[0]}: {error.strerror}") from error
    started = Lease(process, shortfall)
    try:
        await _held(process, words[0])
    except BaseException:
        await started.release()
        raise
    return started


async def _held(process: Process, program: str) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            if await process.stdout.readline() == lease.HELD:
                return
            complaint = await process.stderr.read(MAX_COMPLAINT_BYTES)
    except TimeoutError as error:
        raise WakeUnavailable(f"{program} did not start within {START_SECONDS:g} s") from error
    said = " ".join(complaint.decode(errors="replace").split()) or "it ended without a word"
    raise WakeUnavailable(f"{program}: {said}")
