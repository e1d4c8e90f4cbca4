"""The Debian package lived through: installed, set up, upgraded at work, removed and purged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.packaging import built
from tests.system import conftest, vm
from tests.system.installation import (
    ALICE,
    DEPLOY,
    FAR_SIDES,
    MAKEFILE,
    TOKEN,
    UNITS,
    Installation,
)
from tests.system.test_survival import begin

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

ANSWERS = f"""
[telegram]
token_file = "/root/token"
api = "http://127.0.0.1:{FAR_SIDES["telegram"]}"

[users.alice]
telegram = [{ALICE}]
unix = [0]

[projects.demo]
path = "/home/alice/demo"
grant = true
"""

PROJECT = """
useradd --create-home alice
install -d -o alice -g alice /home/alice/demo
install -t /home/alice/demo /root/Makefile /root/deploy
runuser -u alice -- git -C /home/alice/demo init --quiet
systemctl daemon-reload
systemctl enable --quiet far-telegram.socket far-model.socket
"""

DPKG = "DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io"
"""Nothing is flushed file by file, which an emulated disk takes long for."""
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-unsafe-io"

OF_OTHERS = ("/tmp/", "/var/tmp/", "/var/cache/", "/var/log/", "/var/lib/dpkg/", "/var/lib/apt/")
"""Where files come and go that are nobody's package."""

NOT_OURS = ("/home/alice/demo/", "/var/lib/systemd/")
"""What a job made, and the key of this machine that systemd seals credentials with."""

PURGED_UNASKED = """
export DEBIAN_FRONTEND=noninteractive DPKG_MAINTSCRIPT_PACKAGE=dispatch-appliance
sed /db_purge/d /var/lib/dpkg/info/dispatch-appliance.postrm >/root/postrm
chmod +x /root/postrm
/root/postrm purge 2>&1
rm /root/postrm
"""
"""What a purge does where nobody answers; the question is kept, to be answered later."""
DESTROY_THE_LOG = "dispatch-appliance dispatch-appliance/purge-audit-log boolean true"

UNITS_OF_OURS = (
    "systemctl list-units --state=active,activating,failed --plain --no-legend 'dispatch*'"
)


class BareMachine(Installation):
    """A Debian with a project of alice's and two packages to install: /root/1.deb, /root/2.deb."""

    def __init__(self, work: Path, packages: dict[str, Path]) -> None:
        super().__init__(vm.base_image(), work)
        self._work = work
        self._packages = packages

    async def furnish(self) -> None:
        files = {
            "root/Makefile": MAKEFILE,
            "root/deploy": DEPLOY,
            "root/answers.toml": ANSWERS,
            "root/token": TOKEN,
            **{f"etc/systemd/system/{name}": text for name, text in UNITS.items()},
        }
        del files["etc/systemd/system/dispatchd.service.d/watchdog.conf"]
        tree = self._work / "tree"
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        places = {f"root/{name}": path for name, path in self._packages.items()}
        await asyncio.to_thread(self.machine.copy_in, {"": tree, **places})
        await self.sh(PROJECT)

    async def dpkg(self, words: str) -> str:
        """What dpkg and the package's scripts said."""
        return await self.sh(f"{DPKG} {words} 2>&1", seconds=400)

    async def files(self) -> set[str]:
        found = (await self.sh("find / -xdev")).splitlines()
        return {path for path in found if not path.startswith(OF_OTHERS)}


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[BareMachine]:
    conftest.require_machine()
    first = await asyncio.to_thread(built.package)
    packages = {
        "1.deb": await asyncio.to_thread(built.repacked, first, tmp_path, "0.1.0-1"),
        "2.deb": await asyncio.to_thread(built.repacked, first, tmp_path, "9.0.0-1"),
        "0.deb": await asyncio.to_thread(built.repacked, first, tmp_path, "0.0.1-1", schema=0),
    }
    async with BareMachine(tmp_path, packages) as machine:
        yield machine


async def test_from_apt_install_to_purge(machine: BareMachine) -> None:
    before = await machine.files()
    said = await machine.sh(f"{APT} install /root/1.deb 2>&1", seconds=400)
    assert "nothing of it runs. Next: dispatchctl setup" in said
    await nothing_runs(machine)
    await it_is_set_up(machine)
    await an_upgrade_loses_nothing(machine)
    await a_downgrade_is_refused(machine)

    said = await machine.dpkg("--remove dispatch-appliance")
    assert "Stopping dispatchd" in said
    assert await machine.sh(UNITS_OF_OURS) == ""
    await machine.sh("test -s /var/lib/dispatch/state.db -a -s /etc/dispatch/dispatch.toml")

    assert "The audit log stays: /var/lib/dispatch-audit." in await machine.sh(PURGED_UNASKED)
    await machine.sh("test -s /var/lib/dispatch-audit/audit.db -a ! -e /etc/dispatch")
    await machine.sh(f"echo '{DESTROY_THE_LOG}' | debconf-set-selections")
    await machine.dpkg("--purge dispatch-appliance")
    await machine.sh("systemctl daemon-reload; ! systemctl --failed --plain | grep dispatch")
    left = await machine.files() - before
    assert {path for path in left if not path.startswith(NOT_OURS)} == set()


async def nothing_runs(machine: BareMachine) -> None:
    """Installed, and not set up: no unit is active, enabled or failed."""
    assert await machine.sh(UNITS_OF_OURS) == ""
    assert await machine.sh("systemctl is-enabled dispatch.target || true") == "disabled"
    assert await machine.sh("dispatchctl --version") == "dispatchctl 0.1.0"
    assert await machine.sh("stat -c '%A %U %G' /etc/dispatch") == "drwxr-x--- root dispatch"
    compiled = "find /usr/lib/dispatch-appliance -name '*.pyc' | wc -l"
    assert int(await machine.sh(compiled)) > 1000


async def it_is_set_up(machine: BareMachine) -> None:
    said = await machine.sh("dispatchctl setup --answers /root/answers.toml")
    assert said.endswith("next: systemctl enable --now dispatch.target")
    await machine.sh("sed -i '/^.daemon.$/a stop_grace_seconds = 2' /etc/dispatch/dispatch.toml")
    await machine.sh("systemctl enable --quiet --now dispatch.target")
    await machine.ready()
    assert "✓ done" in await machine.tests("true")


async def an_upgrade_loses_nothing(machine: BareMachine) -> None:
    """A job runs, one waits, a message is on its way."""
    await begin(machine)
    machine.tg.user_says(ALICE, "/test")
    await machine.reads("Job 3")
    await machine.acts("echo second >ran")
    async with asyncio.TaskGroup() as group:
        upgrade = group.create_task(machine.dpkg("--install /root/2.deb"))
        await machine.reads("The appliance is stopping.")
        machine.tg.user_says(ALICE, "/git status")
    said = upgrade.result()
    assert "Stopping dispatchd: the jobs that run get a moment to finish" in said
    assert "dispatchd runs again; what was waiting goes on." in said
    await machine.reads("interrupted")
    await machine.reads("Job 3 ✓ done")
    await machine.reads("Job 4 ✓ done")
    assert await machine.sh("cat /home/alice/demo/ran") == "second"
    assert "intact" in await machine.sh("dispatchctl audit verify")


async def a_downgrade_is_refused(machine: BareMachine) -> None:
    """By a version that does not know the state's schema; what was there runs on."""
    said = await machine.sh(f"! {DPKG} --install /root/0.deb 2>&1", seconds=400)
    assert "was made by a newer version (schema 1, this one knows 0)" in said
    assert "dispatchd runs again" in said
    await machine.ready()
    assert "9.0.0-1" in await machine.sh("dpkg-query -W dispatch-appliance")
