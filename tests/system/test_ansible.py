"""The role of `ansible/` against a machine, over ssh, by a user who has to ask for root."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio

from tests.ansible import playbooks
from tests.ansible.playbooks import Control, Played
from tests.packaging import built
from tests.system.installation import ALICE, FAR_SIDES, TOKEN, Installation
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

DEPLOYER = """
useradd --create-home --shell /bin/sh --password '*' deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
install -d -m 700 -o deploy /home/deploy/.ssh
install -m 600 -o deploy /root/key.pub /home/deploy/.ssh/authorized_keys
install -d /run/sshd
/usr/sbin/sshd -o UsePAM=no -o UseDNS=no
"""
SSH = (
    "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o ControlMaster=auto "
    "-o ControlPersist=60s -o LogLevel=ERROR"
)
OPERATIONS = playbooks.PLAYBOOKS / "policies/operations"
POLICIES = [str(playbooks.ROOT / "policies"), str(OPERATIONS)]
ROLES = "g, alice, owner\nt, alice, *, chat, /status, allow\n"


class Host(Installation):
    """A machine with the package on it and nothing else, and its operator."""

    control: Control
    policy: Path

    def __init__(self, image: Image, work: Path) -> None:
        super().__init__(image, work)
        self._work = work

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            await self._let_in()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _let_in(self) -> None:
        """Its operator, by a key that is thrown away."""
        key = self._work / "key"
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        subprocess.run(words, check=True)
        copy_in = self.machine.copy_in
        await asyncio.to_thread(copy_in, {"root/key.pub": key.with_suffix(".pub")})
        await self.sh(DEPLOYER)
        reached = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.machine.reach(22),
            "ansible_user": "deploy",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": SSH,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        self.control = Control(self._work / "control", reached)
        self.policy = self._work / "policy"
        self.policy.mkdir()
        (self.policy / "roles.csv").write_text(ROLES)

    def wants(self, **more: object) -> None:
        """What the inventory says of this host."""
        settings = {
            "daemon": {"stop_grace_seconds": 2},
            "telegram": {"api": f"http://127.0.0.1:{FAR_SIDES['telegram']}"},
        }
        given: dict[str, object] = {
            "settings": settings,
            "users": {
                "provisioner": {"automation": True, "unix": [0]},
                "alice": {"telegram": [ALICE]},
            },
            "projects": {"demo": {"path": "/home/alice/demo", "grant": True}},
            "policies": [*POLICIES, str(self.policy)],
            "credentials": {"telegram-token": TOKEN},
            "bot": {"name": "The forge"},
            "checkpoints": str(self._work / "checkpoints"),
            "verifier": f"{playbooks.PROGRAMS}/dispatchctl",
        }
        self.control.variables(**(given | more))

    async def plays(self, name: str, *options: str, ok: bool = True) -> Played:
        begun = time.monotonic()
        played = await asyncio.to_thread(self.control.play, name, *options, ok=ok)
        print(f"{name} {' '.join(options)}: {time.monotonic() - begun:.0f} s")
        return played


@pytest_asyncio.fixture
async def host(packaged: Image, tmp_path: Path) -> AsyncIterator[Host]:
    playbooks.require()
    assert shutil.which("ssh-keygen"), "needs openssh-client"
    async with Host(packaged, tmp_path) as host:
        yield host


async def test_a_host_is_provisioned_kept_and_upgraded(host: Host, tmp_path: Path) -> None:
    host.wants()
    await it_is_set_up_once(host)
    await a_broken_policy_is_refused_and_nothing_stops(host)
    await its_log_is_followed(host, tmp_path)
    await it_is_upgraded(host, tmp_path)


async def it_is_set_up_once(host: Host) -> None:
    played = await host.plays("site", "--diff")
    assert TOKEN not in played.said
    assert "✓ done" in await host.tests("true")
    again = await host.plays("site")
    assert (again.changed, again.count_changed) == ([], 0)
    checked = await host.plays("site", "--check", "--diff")
    assert checked.count_changed == 0
    traces = (
        f"! grep -rlF {TOKEN} /var/log /home/deploy /tmp /etc && ! journalctl | grep -F {TOKEN}"
    )
    await host.sh(traces)


async def a_broken_policy_is_refused_and_nothing_stops(host: Host) -> None:
    before = await host.main_pid("dispatchd"), await host.sh("sha256sum /etc/dispatch/policies/*")
    (host.policy / "more.csv").write_text("# more\np, owner, *, bahs, ls, allow\n")
    refused = await host.plays("site", ok=False)
    assert "policies/more.csv:2:14: " in refused.said
    assert before == (
        await host.main_pid("dispatchd"),
        await host.sh("sha256sum /etc/dispatch/policies/*"),
    )
    assert "✓ done" in await host.tests("true")

    (host.policy / "more.csv").write_text("p, owner, *, mcp, github/get_*, allow\n")
    taken = await host.plays("site")
    assert taken.changed == ["Put the policy in place"]
    assert "+ alice everywhere: mcp github/get_*: denied" in taken.said
    assert await host.main_pid("dispatchd") == before[0]
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
    upgraded = await host.plays("upgrade")
    assert "Install it" in upgraded.changed
    assert "9.0.0-1" in await host.sh("dpkg-query -W dispatch-appliance")
    assert "✓ done" in await host.tests("true")
