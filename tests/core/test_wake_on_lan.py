"""The packet that wakes another machine."""

from __future__ import annotations

from appliance.core.wake_on_lan import packet


def test_the_packet_is_what_network_cards_wait_for() -> None:
    found = packet("02:00:5e:10:00:fF")
    assert len(found) == 102
    assert found[:6] == b"\xff" * 6
    assert found[6:] == bytes.fromhex("02005e1000ff") * 16
