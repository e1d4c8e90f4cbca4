"""What else the playbooks do to a machine with systemd: `make test-ansible`, minutes.

Not found by itself by pytest, because an emulated machine takes seconds for each task of a play.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.packaging import built
from tests.system.operated import Host
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


@pytest_asyncio.fixture
async def host(image: Image, tmp_path: Path) -> AsyncIterator[Host]:
    """It runs, as `dispatchctl setup` has set it up."""
    async with Host(image, tmp_path) as host:
        host.wants()
        yield host


async def test_a_host_that_was_set_up_by_hand_is_taken_over_and_upgraded(
    host: Host, tmp_path: Path
) -> None:
    await it_is_taken_over(host)
    await a_policy_is_taken_over_while_it_runs(host)
    await its_log_is_followed(host, tmp_path)
    await it_is_upgraded(host, tmp_path)


async def it_is_taken_over(host: Host) -> None:
    foreseen = await host.plays("site", "--check", "--diff")
    assert "+[users.provisioner]" in foreseen.said
    before = await host.main_pid("dispatchd")
    done = await host.plays("site")
    assert "Keep the secrets" not in done.changed  # it is the same token
    assert "Restart dispatchd under systemd" in done.changed
    assert await host.main_pid("dispatchd") != before
    assert (await host.plays("site", "--check")).count_changed == 0


async def a_policy_is_taken_over_while_it_runs(host: Host) -> None:
    running = await host.main_pid("dispatchd")
    (host.policy / "more.csv").write_text("p, owner, *, mcp, github/get_*, allow\n")
    taken = await host.plays("site")
    assert taken.changed == ["Put the policy in place"]
    assert "+ alice everywhere: mcp github/get_*: denied" in taken.said
    assert await host.main_pid("dispatchd") == running
    (*_, loaded) = [one for one in await host.records() if one["kind"] == "policy.loaded"]
    assert loaded["actor"]["id"] == "provisioner"


async def its_log_is_followed(host: Host, work: Path) -> None:
    keeps = "Check it here, and keep it"
    first = await host.plays("checkpoints")
    assert first.changed == ["Make a place for what is kept", keeps]
    await host.sh("dispatchctl audit anchor post")
    assert (await host.plays("checkpoints")).changed == [keeps]
    kept = (work / "checkpoints/one.txt").read_text()
    assert len(re.findall(r"^dispatch-audit/\w+$", kept, re.M)) == 2


async def it_is_upgraded(host: Host, work: Path) -> None:
    first = await asyncio.to_thread(built.package)
    newer = await asyncio.to_thread(built.repacked, first, work, "9.0.0-1")
    host.wants(deb=str(newer))
    assert (await host.plays("upgrade")).changed[-1] == "Install it"
    assert "9.0.0-1" in await host.sh("dpkg-query -W dispatch-appliance")
    assert "✓ done" in await host.tests("true")
