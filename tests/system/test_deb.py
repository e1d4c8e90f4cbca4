"""The Debian package lived through: installed, set up, upgraded at work, removed and purged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.app.setup.settings_text import SYSTEM_WIDE
from tests.packaging import built
from tests.system.installation import (
    ALICE,
    FAR_SIDES,
    FILES_BEFORE,
    SAID_BY_APT,
    SAID_BY_SETUP,
    TOKEN,
    Installation,
)
from tests.system.test_survival import begin
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

DPKG = "DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io"

OF_OTHERS = ("/tmp/", "/var/tmp/", "/var/cache/", "/var/log/", "/var/lib/dpkg/", "/var/lib/apt/")
"""Where files come and go that are nobody's package."""

NOT_OURS = ("/home/alice/demo/", "/root/", "/etc/far-side", "/var/lib/systemd/")
"""What a job made, what this test put there, and the key that systemd seals credentials with."""

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


FILE = "/etc/dispatch/dispatch.toml"
SETTINGS = f'{SYSTEM_WIDE}\n[telegram]\napi = "http://127.0.0.1:{FAR_SIDES["telegram"]}"\n'
ANSWERED = (
    ("Your name here [", "alice"),
    ("A project's directory: ", "/home/alice/demo"),
    ("What to call it in the chat [demo]: ", ""),
    ("Token (not shown): ", TOKEN),
    ("Its name in chats (empty: as it is): ", ""),
    ("Run now: systemctl enable --now dispatch.target? [Y/n]: ", ""),
    ("Pair a phone with alice now? [Y/n]: ", "n"),
)
TYPE = f"""
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp("dispatchctl", ["dispatchctl", "setup"])
shown = ""
for question, answer in {ANSWERED!r}:
    while question not in shown:
        shown += os.read(terminal, 4096).decode()
    os.write(terminal, f"{{answer}}\\n".encode())
    print(shown)
    shown = ""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


async def test_what_was_installed_waits_for_the_wizard(packaged: Image, tmp_path: Path) -> None:
    async with Installation(packaged, tmp_path) as house:
        await nothing_runs(house)
        await house.sh(f"cat >{FILE} <<'TOML'\n{SETTINGS}\nTOML")
        await house.sh(f"chgrp dispatch {FILE}; chmod 640 {FILE}")
        said = await house.sh(f"python3 - <<'PYTHON'\n{TYPE}\nPYTHON")
        assert "dispatchd runs" in said
        assert TOKEN not in said
        await house.ready()
        await everything_has_its_owner(house)
        assert await house.sh("systemctl is-enabled dispatch.target") == "enabled"


async def nothing_runs(house: Installation) -> None:
    said = await house.sh(f"cat {SAID_BY_APT}")
    assert "nothing of it runs. Next: dispatchctl setup" in said
    assert await house.sh(UNITS_OF_OURS) == ""
    assert await house.sh("systemctl is-enabled dispatch.target || true") == "disabled"
    assert await house.sh("dispatchctl --version") == "dispatchctl 0.1.0"
    compiled = "find /usr/lib/dispatch-appliance -name '*.pyc' | wc -l"
    assert int(await house.sh(compiled)) > 1000


async def everything_has_its_owner(house: Installation) -> None:
    """Settings are read by the daemon and changed by root; secrets are encrypted, and root's."""
    found = "find /etc/dispatch -not -path '*/policies/*' -printf '%M %u %g %P\\n'"
    assert set((await house.sh(f"{found} | sed 's/ $//'")).splitlines()) == {
        "drwxr-x--- root dispatch",
        "-rw-r----- root dispatch dispatch.toml",
        "-rw-r--r-- root root projects.json",
        "drwxr-x--- root dispatch policies",
        "drwx------ root root credentials",
        "drwx------ root root credentials.encrypted",
        "-rw------- root root credentials.encrypted/telegram-token",
    }
    assert await house.sh("find /etc/dispatch/policies ! -group dispatch -o -perm /027") == ""


async def test_set_up_upgraded_at_work_removed_and_purged(image: Image, tmp_path: Path) -> None:
    async with Installation(image, tmp_path) as house:
        await copy_packages(house, tmp_path)
        await it_was_set_up(house)
        await an_upgrade_loses_nothing(house)
        await a_downgrade_is_refused(house)
        await removed_it_keeps_what_it_knows(house)
        await purged_it_leaves_nothing(house)


async def copy_packages(house: Installation, work: Path) -> None:
    """A newer version, and one that does not know the schema of the state yet."""
    first = await asyncio.to_thread(built.package)
    newer = await asyncio.to_thread(built.repacked, first, work, "9.0.0-1")
    older = await asyncio.to_thread(built.repacked, first, work, "0.0.1-1", schema=0)
    places = {"root/newer.deb": newer, "root/older.deb": older}
    await asyncio.to_thread(house.machine.copy_in, places)


async def it_was_set_up(house: Installation) -> None:
    said = await house.sh(f"cat {SAID_BY_SETUP}")
    assert said.endswith("next: systemctl enable --now dispatch.target")
    await everything_has_its_owner(house)


async def an_upgrade_loses_nothing(house: Installation) -> None:
    """A job runs, one waits, a message is on its way."""
    await begin(house)
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 2")
    await house.acts("echo second >ran")
    async with asyncio.TaskGroup() as group:
        upgrade = group.create_task(dpkg(house, "--install /root/newer.deb"))
        await house.reads("The appliance is stopping.")
        house.tg.user_says(ALICE, "/git status")
    said = upgrade.result()
    assert "Stopping dispatchd: the jobs that run get a moment to finish" in said
    assert "dispatchd runs again; what was waiting goes on." in said
    await house.reads("interrupted")
    await house.reads("Job 2 ✓ done")
    await house.reads("Job 3 ✓ done")
    assert await house.sh("cat /home/alice/demo/ran") == "second"
    assert "intact" in await house.sh("dispatchctl audit verify")


async def a_downgrade_is_refused(house: Installation) -> None:
    """By a version that does not know the state's schema; what was there runs on."""
    said = await house.sh(f"! {DPKG} --install /root/older.deb 2>&1", seconds=400)
    assert "was made by a newer version (schema 1, this one knows 0)" in said
    assert "dispatchd runs again" in said
    await house.ready()
    assert "9.0.0-1" in await house.sh("dpkg-query -W dispatch-appliance")


async def removed_it_keeps_what_it_knows(house: Installation) -> None:
    said = await dpkg(house, "--remove dispatch-appliance")
    assert "Stopping dispatchd" in said
    assert await house.sh(UNITS_OF_OURS) == ""
    await house.sh("test -s /var/lib/dispatch/state.db -a -s /etc/dispatch/dispatch.toml")


async def purged_it_leaves_nothing(house: Installation) -> None:
    assert "The audit log stays: /var/lib/dispatch-audit." in await house.sh(PURGED_UNASKED)
    await house.sh("test -s /var/lib/dispatch-audit/audit.db -a ! -e /etc/dispatch")
    await house.sh(f"echo '{DESTROY_THE_LOG}' | debconf-set-selections")
    await dpkg(house, "--purge dispatch-appliance")
    await house.sh("systemctl daemon-reload; ! systemctl --failed --plain | grep dispatch")
    before, after = await house.sh(f"cat {FILES_BEFORE}"), await house.sh("find / -xdev")
    left = set(after.splitlines()) - set(before.splitlines())
    assert {path for path in left if not path.startswith((*OF_OTHERS, *NOT_OURS))} == set()


async def dpkg(house: Installation, words: str) -> str:
    """What dpkg and the package's scripts said."""
    return await house.sh(f"{DPKG} {words} 2>&1", seconds=400)
