"""The life of dispatch-egress: serve until a signal, the end of who started it, or a crash."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable

from appliance.egress.connection import Shared
from appliance.egress.server import Server
from appliance.host.service_manager import ServiceManager

READY = b"\n"
"""Said on the lifeline."""

log = logging.getLogger(__name__)


def live(
    listener: socket.socket, daemon: int, manager: ServiceManager, *, has_lifeline: bool
) -> None:
    """Serve the user id `daemon` on `listener`. Raises what the server raises, in a group."""
    asyncio.run(_live(listener, daemon, manager, has_lifeline=has_lifeline))


async def _live(
    listener: socket.socket, daemon: int, manager: ServiceManager, *, has_lifeline: bool
) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop.set, has_parent=has_lifeline)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(Server(listener, daemon, Shared()).run()),
            group.create_task(_feed_watchdog(manager)),
        ]
        if has_lifeline:
            tasks.append(group.create_task(_hold(stop)))
        manager.ready()
        log.info("ready")
        await stop.wait()
        manager.stopping()
        log.info("stopping")
        for task in tasks:
            task.cancel()


def _stop_on_signals(stop: Callable[[], None], *, has_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    # Ctrl-C reaches the parent as well, which needs us until its tasks have ended
    loop.add_signal_handler(signal.SIGINT, (lambda: None) if has_parent else stop)


async def _feed_watchdog(manager: ServiceManager) -> None:
    while manager.watchdog_seconds is not None:
        manager.alive()
        await asyncio.sleep(manager.watchdog_seconds / 3)


async def _hold(stop: asyncio.Event) -> None:
    """Say that we are ready to who started us, and stop when it is gone, however it went."""
    with socket.socket(fileno=sys.stdin.fileno()) as lifeline:
        lifeline.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(lifeline, READY)
            while await loop.sock_recv(lifeline, 1):
                pass
        except ConnectionError:
            pass
        finally:
            stop.set()
