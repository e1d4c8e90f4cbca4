"""The state's disk fills up while the daemon runs, and has room again later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.journeys.house import ALICE, ROOT, House
from tests.journeys.small_disk import SmallDisk

SQLITE_SAYS = "database or disk is full"
REFUSED = "Nothing was done: the audit log cannot be written"


@asynccontextmanager
async def cramped(home: Path, full: str) -> AsyncIterator[tuple[House, SmallDisk]]:
    """A house with a small disk at this place; `/test` leaves a line each time it runs."""
    async with (
        SmallDisk(home / full, 5, ROOT) as disk,
        House(home, None, within=disk.within) as house,
    ):
        (house.project / "Makefile").write_text("test:\n\t@echo ran >> ran.txt\n")
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")
        yield house, disk
        assert await house.stop() == 0
        assert "intact" in house.verify()
        assert "Traceback" not in house.log_text().decode() + "".join(house.texts())


def runs(house: House) -> int:
    return len((house.project / "ran.txt").read_text().splitlines())


def doctor(house: House) -> str:
    found = house.ctl("doctor", "--config", str(house.home / "dispatch.toml"))
    assert found.returncode == 1, found.stdout
    return found.stdout


def status(house: House) -> str:
    return house.ctl("status", "--config", str(house.home / "dispatch.toml")).stdout


async def test_what_cannot_be_stored_stays_with_telegram_and_runs_once_there_is_room(
    tmp_path: Path,
) -> None:
    async with cramped(tmp_path, "state") as (house, disk):
        disk.fill()
        house.tg.user_says(ALICE, "/test")
        await house.logs(f"cannot write the state database {tmp_path}/state/state.db")
        await house.logs(SQLITE_SAYS)
        assert [update["message"]["text"] for update in house.tg.updates] == ["/test"]
        assert runs(house) == 1
        assert "fail  disk         0 MB free for" in doctor(house)
        assert "disk       0 MB free for" in status(house)

        disk.clear()
        await house.reads("Job 2 ✓ done")
        assert runs(house) == 2
        assert house.tg.updates == []


async def test_what_cannot_be_recorded_is_refused_with_the_reason_until_a_restart(
    tmp_path: Path,
) -> None:
    async with cramped(tmp_path, "state/audit") as (house, disk):
        disk.fill()
        house.tg.user_says(ALICE, "/test")
        assert SQLITE_SAYS in await house.reads(REFUSED)
        house.tg.user_says(ALICE, "/status")
        await house.tg.until(lambda: sum(REFUSED in text for text in house.texts()) == 2)
        assert runs(house) == 1
        assert "fail  daemon       does nothing any more: the audit log in" in doctor(house)
        assert "audit      the audit log in" in status(house)

        disk.clear()
        assert await house.stop() == 0
        await house.start()
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 3 ✓ done")
        assert runs(house) == 2


@pytest.mark.parametrize("free_blocks", [12, 24, 40])
async def test_a_disk_that_fills_up_half_way_loses_nothing_and_doubles_nothing(
    tmp_path: Path, free_blocks: int
) -> None:
    """Where it runs out depends on SQLite; whatever happens then is said, once."""
    async with cramped(tmp_path, "state") as (house, disk):
        disk.fill(free_blocks)
        house.tg.user_says(ALICE, "/test")
        await house.logs(SQLITE_SAYS)
        await house.kill()
        disk.clear()
        await house.start()
        house.tg.user_says(ALICE, "/status more")
        await house.reads("up 0 s")
        await house.tg.until(lambda: bool(ends(house)))
        assert (ends(house), runs(house)) in (
            ([REFUSED], 1),
            (["Job 2 was interrupted"], 1),
            (["Job 2 was interrupted"], 2),
            (["Job 2 ✓ done"], 2),
        )


def ends(house: House) -> list[str]:
    """What was said about how the second `/test` ended."""
    endings = (REFUSED, "Job 2 was interrupted", "Job 2 ✓ done")
    return [words for words in endings for text in house.texts() if words in text]
