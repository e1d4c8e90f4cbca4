"""Waking other machines, by the names that the administrator gave them."""

from __future__ import annotations

from appliance.core.wake_on_lan import Host, HostName
from appliance.errors import WakeUnavailable
from appliance.services.other_hosts import OtherHosts

NAS = Host(HostName("nas"), "02:00:00:00:00:01", "192.0.2.255")


async def unreachable(_host: Host) -> None:
    raise WakeUnavailable("nothing can be sent to 192.0.2.255: Network is unreachable")


async def test_a_host_of_the_settings_is_told() -> None:
    told: list[Host] = []

    async def wake(host: Host) -> None:
        told.append(host)

    reply = await OtherHosts({NAS.name: NAS}, wake).wake(NAS.name)
    assert told == [NAS]
    assert "Told nas to wake up" in reply.body.text


async def test_others_are_not_known() -> None:
    reply = await OtherHosts({NAS.name: NAS}, unreachable).wake(HostName("tv"))
    assert "no host called “tv”. There is: nas" in reply.body.text
    reply = await OtherHosts({}, unreachable).wake(HostName("tv"))
    assert "[hosts.NAME]" in reply.body.text


async def test_what_goes_wrong_is_said() -> None:
    reply = await OtherHosts({NAS.name: NAS}, unreachable).wake(NAS.name)
    assert "nas was not told to wake up: nothing can be sent" in reply.body.text
