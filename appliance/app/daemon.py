"""The life of the daemon: start the parts, say READY, wait for a signal, stop them in order.

A part that crashes ends the daemon: the service manager restarts it, and what was accepted is
in the database. A daemon that limps would be worse than one that is back in a second.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass

from appliance.core.events import DaemonStopped, DaemonStopping, Event
from appliance.errors import AuditUnavailable
from appliance.host.service_manager import ServiceManager
from appliance.ports import Audit, Ready
from appliance.services.outbox import Outbox
from appliance.services.worker import Worker

log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
"""How long a stopping daemon tries to deliver its last words; the rest goes out at next start."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs as long as the daemon does, and calls `ready` once it can work."""

    name: str
    run: Callable[[Ready], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Daemon:
    """Everything `wiring.build` put together. `services` start before `chats`."""

    services: Sequence[Part]
    chats: Sequence[Part]
    worker: Worker
    outbox: Outbox
    audit: Audit
    manager: ServiceManager
    start_events: Sequence[Event]
    is_alive: Callable[[], None]
    grace_seconds: float
    when_ready: Callable[[], Awaitable[None]]
    reload: Callable[[], None]
    close: Callable[[], Coroutine[None, None, None]]


async def run(daemon: Daemon, stop: asyncio.Event) -> None:
    """Run until `stop` is set or a part crashes. Raises what the part raised, in a group."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.reload)
    try:
        await daemon.audit.append(*daemon.start_events)
        async with asyncio.TaskGroup() as group:
            services = await _start(daemon.services, group)
            chats = await _start(daemon.chats, group)
            watchdog = group.create_task(_feed_watchdog(daemon))
            daemon.manager.ready()
            log.info("ready")
            announcement = group.create_task(_announce(daemon))
            await stop.wait()
            watchdog.cancel()
            announcement.cancel()
            await _stop(daemon, services, chats)
    finally:
        await daemon.close()


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT set `stop`; a second one does nothing more, systemd has SIGKILL."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _start(parts: Sequence[Part], group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    tasks = []
    for part in parts:
        is_ready = asyncio.Event()
        tasks.append(group.create_task(_run(part, is_ready.set), name=part.name))
        await is_ready.wait()  # a crash before that cancels us through the group
    return tasks


async def _run(part: Part, ready: Ready) -> None:
    await part.run(ready)


async def _stop(
    daemon: Daemon, services: list[asyncio.Task[None]], chats: list[asyncio.Task[None]]
) -> None:
    daemon.manager.stopping()
    log.info("stopping")
    await _record(daemon.audit, DaemonStopping(reason="signal"))
    for task in chats:
        await _cancel(task)
    await daemon.worker.drain(daemon.grace_seconds)
    # backwards: whoever starts work goes first, the outbox last to say what became of it
    for task in reversed(services[1:]):
        await _cancel(task)
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await daemon.outbox.drained()
    await _cancel(services[0])
    await _record(daemon.audit, DaemonStopped())


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _record(audit: Audit, event: Event) -> None:
    try:
        await audit.append(event)
    except AuditUnavailable as error:
        log.error("%s not recorded: %s", event.name, error.message)


async def _announce(daemon: Daemon) -> None:
    await daemon.when_ready()


async def _feed_watchdog(daemon: Daemon) -> None:
    """Tell systemd we are alive only after the database has answered."""
    if daemon.manager.watchdog_seconds is None:
        return
    while True:
        daemon.is_alive()
        daemon.manager.alive()
        await asyncio.sleep(daemon.manager.watchdog_seconds / 3)
