"""Names to addresses, all of them checked: one that is not public refuses the whole name.

The system's own look-up, in threads, because it cannot be waited for otherwise; a look-up that
hangs keeps its thread and its place until it gives up, so their number is bounded.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from appliance.egress.addresses import is_one_host, is_public
from appliance.egress.replies import Refused
from appliance.egress.target import Address, Target

LOOK_UP_SECONDS = 5.0
MAX_LOOK_UPS = 32
MAX_ADDRESSES = 32

LookUp = Callable[[str], Sequence[str]]
"""All addresses of a name. Waits for as long as it takes, and raises OSError."""


def look_up(name: str) -> Sequence[str]:
    """What this machine resolves a name to, best address first."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Resolver:
    """Shared by all sessions."""

    def __init__(self, look_up: LookUp = look_up, seconds: float = LOOK_UP_SECONDS) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._places = asyncio.Semaphore(MAX_LOOK_UPS)

    async def addresses(self, target: Target) -> Sequence[Address]:
        """Where the target is. Raises Refused.

        A literal address is not looked up, and may be any single host: the policy has seen it.
        """
        literal = target.address
        if literal is None:
            return [_public(target.host, text) for text in await self._found(target.host)]
        if not is_one_host(literal):
            raise Refused(403, f"{literal} is not the address of a host")
        return [literal]

    async def _found(self, name: str) -> Sequence[str]:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._in_thread(name)
        except TimeoutError as error:
            raise Refused(504, f"{name} was not resolved within {self._seconds:g} s") from error
        except (OSError, UnicodeError) as error:
            raise Refused(502, f"{name} does not resolve: {error}") from error
        if not 1 <= len(found) <= MAX_ADDRESSES:
            raise Refused(502, f"{name} resolves to {len(found)} addresses")
        return found

    async def _in_thread(self, name: str) -> Sequence[str]:
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def settle(found: Sequence[str] | OSError | UnicodeError) -> None:
            self._places.release()
            if answer.done():  # nobody waits for it any more
                return
            if isinstance(found, OSError | UnicodeError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def work() -> None:
            try:
                found: Sequence[str] | OSError | UnicodeError = self._look_up(name)
            except (OSError, UnicodeError) as error:
                found = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found)

        # a daemon, because the program's end does not wait for somebody's name server
        threading.Thread(target=work, name="look-up", daemon=True).start()
        return await answer


def _public(name: str, text: str) -> Address:
    address = ip_address(text.partition("%")[0])
    if not is_public(address):
        raise Refused(403, f"{name} resolves to {address}, which is not on the public internet")
    return address
