"""Names are looked up beside everything else, for a time, and never many at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import IPv4Address

import pytest

from appliance.egress.replies import Refused
from appliance.egress.resolver import MAX_LOOK_UPS, Resolver, look_up
from appliance.egress.target import Target
from tests.egress.rig import hosts

HTTPS = 443


async def test_all_addresses_of_a_name_are_given_in_their_order() -> None:
    resolver = Resolver(hosts({"a.example": ["93.184.216.34", "8.8.8.8"]}))
    found = await resolver.addresses(Target("a.example", HTTPS))
    assert found == [IPv4Address("93.184.216.34"), IPv4Address("8.8.8.8")]


async def test_an_address_is_not_looked_up() -> None:
    resolver = Resolver(hosts({}))
    assert await resolver.addresses(Target("10.0.0.1", HTTPS)) == [IPv4Address("10.0.0.1")]


async def test_a_look_up_that_hangs_is_given_up_and_keeps_nobody_waiting() -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def slow(name: str) -> list[str]:
        if name == "slow.example":
            hangs.set()
            goes_on.wait()
        return ["8.8.8.8"]

    resolver = Resolver(slow, seconds=0.1)
    async with asyncio.TaskGroup() as group:
        stuck = group.create_task(_status(resolver, "slow.example"))
        await asyncio.to_thread(hangs.wait)
        assert await _status(resolver, "fast.example") == 0
        assert await stuck == 504
    goes_on.set()


async def test_there_are_never_more_look_ups_than_allowed() -> None:
    running, most = 0, 0
    lock, goes_on = threading.Lock(), threading.Event()
    all_there = threading.Semaphore(0)

    def counted(_name: str) -> list[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.release()
        goes_on.wait()
        with lock:
            running -= 1
        return ["8.8.8.8"]

    resolver = Resolver(counted)
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_status(resolver, f"n{n}.example")) for n in range(2 * MAX_LOOK_UPS)
        ]
        for _ in range(MAX_LOOK_UPS):
            await asyncio.to_thread(all_there.acquire)
        goes_on.set()
    assert [task.result() for task in asked] == [0] * 2 * MAX_LOOK_UPS
    assert most == MAX_LOOK_UPS


async def test_the_system_is_asked_by_default() -> None:
    assert "127.0.0.1" in look_up("localhost")
    with pytest.raises(socket.gaierror):
        look_up("no-such-name.invalid")


async def _status(resolver: Resolver, name: str) -> int:
    try:
        await resolver.addresses(Target(name, HTTPS))
    except Refused as refused:
        return refused.status
    return 0
