"""A backup taken while a job runs and another one waits, restored elsewhere: nothing twice."""

from __future__ import annotations

import os
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from appliance.backup import bech32
from appliance.backup.age import Identity
from tests.journeys.house import ALICE, House

SLOW = "test:\n\t@echo ran >> ran.txt; test -e go || cat fifo; echo all tests passed\n"


def keys(place: Path) -> tuple[str, Path]:
    """A public key, and the file with its private one."""
    raw = X25519PrivateKey.generate().private_bytes_raw()
    file = place / "backup.key"
    file.write_text(f"# made for a test\n{bech32.encode('age-secret-key-', raw).upper()}\n")
    file.chmod(0o600)
    return str(Identity(raw).recipient), file


class RestoredHouse(House):
    """Another machine with the same bot, on which a backup is restored before it starts."""

    def __init__(self, home: Path, former: House, backup: Path, key: Path) -> None:
        super().__init__(home, None, separate_audit=True)
        self.tg = former.tg
        self._backup, self._key = backup, key
        self.said = ""

    async def __aenter__(self) -> Self:
        await self.api.__aenter__()
        self._furnish()
        await self.start_writer()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in (self.daemon, self.writer):
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()
        await self.api.__aexit__(None, None, None)

    def _furnish(self) -> None:
        super()._furnish()
        (self.project / "Makefile").write_text(SLOW)
        (self.project / "go").touch()
        done = self.restore()
        assert done.returncode == 0, done.stderr
        self.said = done.stdout

    def restore(self, *more: str) -> CompletedProcess[str]:
        where = ("--config", str(self.home / "dispatch.toml"), "--keep-settings")
        return self.ctl("restore", str(self._backup), "--identity", str(self._key), *where, *more)


async def test_a_backup_taken_while_it_works_is_restored_and_nothing_is_done_twice(
    tmp_path: Path,
) -> None:
    homes = tmp_path / "a", tmp_path / "b"
    for home in homes:
        home.mkdir()
    public, private = keys(tmp_path)
    file = tmp_path / "saturday.age"
    async with House(homes[0], None, separate_audit=True) as house:
        recorded = await backed_up_at_work(house, file, public)
        await house.stop()
        before = len(house.texts())
        async with RestoredHouse(homes[1], house, file, private) as other:
            assert f"next: dispatchd --config {other.home}/dispatch.toml" in other.said
            await holds_what_waited(other)
            assert len([text for text in other.texts()[before:] if "Restored" in text]) == 1
            await goes_on(other, recorded)


async def backed_up_at_work(house: House, file: Path, public: str) -> int:
    """Job 1 runs, job 2 waits; how many records the log in the backup has."""
    os.mkfifo(house.project / "fifo")
    (house.project / "Makefile").write_text(SLOW)
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 1 started")
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 2 is waiting")
    config = str(house.home / "dispatch.toml")
    done = house.ctl("backup", str(file), "--recipient", public, "--config", config)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    again = house.ctl("backup", str(file), "--recipient", public, "--config", config)
    assert "is there already" in again.stderr
    recorded = re.search(r"audit log of ([0-9]+) records", done.stdout)
    assert recorded is not None
    (house.project / "go").touch()
    (house.project / "fifo").write_text("")  # it goes on, and does both jobs
    await house.tg.until(lambda: sum("all tests passed" in text for text in house.texts()) == 2)
    assert (house.project / "ran.txt").read_text() == "ran\nran\n"
    return int(recorded[1])


async def holds_what_waited(other: RestoredHouse) -> None:
    await other.reads("Job 1 was interrupted")
    assert "may have been done since" in await other.reads("Job 2 was waiting when the backup")
    assert "is not known here" in await other.reads("Restored from a backup")
    assert not (other.project / "ran.txt").exists()
    kinds = other.kinds()
    assert kinds[0] == "audit.forked"
    assert {"job.cancelled", "job.interrupted"} <= set(kinds)


async def goes_on(other: RestoredHouse, recorded: int) -> None:
    other.press("Try again")
    await other.reads("Job 3")
    await other.tg.until(lambda: sum("all tests passed" in text for text in other.texts()) == 3)
    assert (other.project / "ran.txt").read_text() == "ran\n"
    assert "intact" in other.verify()
    kept = other.ctl("audit", "verify", str(other.log / "forked-1" / "audit.db"))
    assert f"intact: all {recorded} records" in kept.stdout
    assert "another dispatchd is already using" in other.restore("--replace").stderr
    await other.stop()
    await other.start()
    assert len([text for text in other.texts() if "Restored" in text]) == 1
    assert "intact" in other.verify()
