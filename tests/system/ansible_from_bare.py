"""The role of `ansible/` against a machine with systemd that has never been set up.

What comes afterwards is in `ansible_at_length.py`. Pytest finds neither by itself, `make
test-ansible` runs both: an emulated machine takes seconds for each task of a play.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system.installation import TOKEN
from tests.system.operated import Host
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


@pytest_asyncio.fixture
async def host(packaged: Image, tmp_path: Path) -> AsyncIterator[Host]:
    """The package is on it and nothing is set up."""
    async with Host(packaged, tmp_path) as host:
        host.wants()
        yield host


async def test_a_host_is_set_up_once_and_refuses_a_broken_policy(
    host: Host, tmp_path: Path
) -> None:
    await it_is_set_up_once(host, tmp_path)
    await a_broken_policy_is_refused_and_nothing_stops(host)


async def it_is_set_up_once(host: Host, work: Path) -> None:
    played = await host.plays("site", "--diff")
    assert TOKEN not in played.said
    again = await host.plays("site")
    assert (again.changed, again.count_changed) == ([], 0)
    # from a file: the guest's agent logs each command line
    secret = work / "secret"
    secret.write_text(f"{TOKEN}\n")
    await asyncio.to_thread(host.machine.copy_in, {"root/secret": secret})
    await host.sh("! journalctl | grep -Ff /root/secret")
    await host.sh("! grep -rlFf /root/secret /var/log /home/deploy /tmp /etc/dispatch")


async def a_broken_policy_is_refused_and_nothing_stops(host: Host) -> None:
    running = await host.main_pid("dispatchd")
    rules = await host.sh("sha256sum /etc/dispatch/policies/*")
    (host.policy / "more.csv").write_text("# more\np, owner, *, bahs, ls, allow\n")
    refused = await host.plays("site", ok=False)
    assert "policies/more.csv:2:14: unknown act" in refused.said
    assert await host.main_pid("dispatchd") == running
    assert await host.sh("sha256sum /etc/dispatch/policies/*") == rules
    assert "✓ done" in await host.tests("true")
