"""The machines of the settings that can be woken from here."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.model import Reply
from appliance.core.replies import about_machine
from appliance.core.wake_on_lan import Host, HostName
from appliance.errors import WakeUnavailable
from appliance.ports import Wake


class OtherHosts:
    """Only those that the administrator has named: an address never comes from a chat."""

    def __init__(self, hosts: Mapping[HostName, Host], wake: Wake) -> None:
        self._hosts = hosts
        self._wake = wake

    async def wake(self, name: HostName) -> Reply:
        """Tell it to wake up, and what to say about that."""
        host = self._hosts.get(name)
        if host is None:
            return about_machine.no_such_host(name, tuple(self._hosts))
        try:
            await self._wake(host)
        except WakeUnavailable as error:
            return about_machine.not_woken(name, error.message)
        return about_machine.woken(name)
