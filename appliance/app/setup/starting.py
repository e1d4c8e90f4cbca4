"""The daemon started or restarted through systemd, and waited for."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Sequence

from appliance.app.setup.screen import Screen
from appliance.errors import ConfigError

COMMAND_SECONDS = 90
ANSWER_SECONDS = 30.0
PAUSE_SECONDS = 0.5
SEE_WHY = "see why: dispatchctl doctor"


async def start(command: Sequence[str], is_running: Callable[[], bool], screen: Screen) -> None:
    """Run the command; returns once the daemon answers. Raises ConfigError when it does not."""
    await screen.working(shlex.join(command), _run(command))
    await screen.working("waiting for dispatchd", _until(is_running))
    screen.done("dispatchd runs")


async def _run(command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            _, said = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise ConfigError(f"{shlex.join(command)} takes more than {COMMAND_SECONDS} s") from error
    if process.returncode:
        why = said.decode(errors="replace").strip() or "it does not say why"
        raise ConfigError(f"{shlex.join(command)}: {why}", hint=SEE_WHY)


async def _until(is_running: Callable[[], bool]) -> None:
    given_up_at = time.monotonic() + ANSWER_SECONDS
    while not await asyncio.to_thread(is_running):
        if time.monotonic() > given_up_at:
            raise ConfigError("dispatchd does not answer", hint=SEE_WHY)
        await asyncio.sleep(PAUSE_SECONDS)
