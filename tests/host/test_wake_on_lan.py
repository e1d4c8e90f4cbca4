"""The packet arrives where it is sent."""

from __future__ import annotations

import socket

import pytest

from appliance.core.wake_on_lan import Host, HostName, packet
from appliance.errors import WakeUnavailable
from appliance.host import wake_on_lan

MAC = "02:00:00:00:00:01"


async def test_the_packet_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as network:
        network.bind(("127.0.0.1", 0))
        network.settimeout(5)
        monkeypatch.setattr(wake_on_lan, "PORT", network.getsockname()[1])
        # all of 127/8 is this machine, and its last address a broadcast one
        await wake_on_lan.wake(Host(HostName("nas"), MAC, "127.0.0.1"))
        assert network.recv(200) == packet(MAC)


async def test_what_cannot_be_sent_is_said_with_what_to_do() -> None:
    too_much = "02" * 4096  # for one packet of any network
    with pytest.raises(WakeUnavailable, match=r"to 127\.0\.0\.1: Message too long") as caught:
        await wake_on_lan.wake(Host(HostName("nas"), too_much, "127.0.0.1"))
    assert caught.value.hint is not None
    assert "[hosts.nas]" in caught.value.hint
