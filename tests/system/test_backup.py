"""A backup made at work by root, under the units, and restored on another machine."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

import pytest

from tests.system.installation import ALICE, TOKEN, Installation
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SECRET = "five words that nobody guesses"
WITH = "--passphrase-file /root/passphrase"
OWNED = "find /etc/dispatch /var/lib/dispatch /var/lib/dispatch-audit -printf '%p %M %u %g\\n'"


async def test_another_machine_goes_on_from_a_backup(
    image: Image, packaged: Image, tmp_path: Path
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    async with Installation(image, tmp_path / "here") as house:
        owned = await work_and_back_up(house, tmp_path / "backup")
        telegram = house.tg
    async with Installation(packaged, tmp_path / "there") as house:
        house.tg.go_on_from(telegram)
        await restore(house, tmp_path / "backup", owned)


async def work_and_back_up(house: Installation, backup: Path) -> dict[str, str]:
    """A job is done and one waits for an approval; whose every file is."""
    assert "✓ done" in await house.tests("true")
    house.tg.user_says(ALICE, "/deploy staging")
    await house.reads("May this run?")
    await house.sh(f"umask 077; echo '{SECRET}' >/root/passphrase")
    said = await house.sh(f"dispatchctl backup /root/backup {WITH} --with-credentials")
    assert "tokens and keys are in it" in said
    assert await house.sh("stat -c '%U %a' /root/backup") == "root 600"
    refused = await house.sh(f"! dispatchctl restore /root/backup {WITH} --replace 2>&1")
    assert "another dispatchd is already using /var/lib/dispatch" in refused
    assert "systemctl stop dispatch.target" in refused
    report = await house.sh("dispatchctl bugreport")
    assert TOKEN not in report
    assert str(ALICE) not in report
    backup.write_bytes(base64.b64decode(await house.sh("base64 /root/backup")))
    return await owners(house)


async def restore(house: Installation, backup: Path, owned: dict[str, str]) -> None:
    await asyncio.to_thread(house.machine.copy_in, {"root/backup": backup})
    await house.sh(f"umask 077; echo '{SECRET}' >/root/passphrase")
    said = await house.sh(f"dispatchctl restore /root/backup {WITH}")
    assert said.endswith("next: dispatchctl project apply")
    now = await owners(house)
    assert {path: how for path, how in owned.items() if now.get(path, how) != how} == {}
    await house.sh("dispatchctl project apply")
    # what the agent may do with a directory is a matter of that directory, and in no backup
    await house.sh("dispatchctl project add demo /home/alice/demo --grant")
    await house.sh("systemctl enable --quiet --now dispatch.target")
    await house.reads("Restored from a backup")
    assert "may have been done since" in await house.reads("Job 2 was waiting when the backup")
    assert "✓ done" in await house.tests("true")
    assert "intact" in await house.sh("dispatchctl audit verify")
    kept = re.search(r"the log of (\d+) records is kept", said)
    assert kept is not None
    former = "/var/lib/dispatch-audit/forked-1/audit.db"
    assert f"intact: all {kept[1]} " in await house.sh(f"dispatchctl audit verify {former}")
    assert TOKEN not in await house.sh("cat /etc/dispatch/credentials.encrypted/*")


async def owners(house: Installation) -> dict[str, str]:
    """Path to mode, user and group."""
    lines = (await house.sh(OWNED)).splitlines()
    return {path: how for path, _, how in (line.partition(" ") for line in lines)}
