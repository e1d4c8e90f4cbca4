"""A real dispatchd beside a real dispatch-audit, which dies, comes back and is administered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from appliance.audit.database import reading
from appliance.audit.index import size_of
from tests.journeys.house import ALICE, ROOT, House
from tests.journeys.small_disk import SmallDisk

REFUSED = "Nothing was done: the audit log cannot be written"


def ctl(house: House, *arguments: str) -> str:
    """What a command said, also about what it could not do."""
    found = house.ctl(*arguments, "--config", str(house.home / "dispatch.toml"))
    return found.stdout + found.stderr


def prepare(house: House) -> None:
    """`/test` leaves a line each time it runs."""
    (house.project / "Makefile").write_text("test:\n\t@echo ran >> ran.txt\n")


def runs(house: House) -> int:
    return len((house.project / "ran.txt").read_text().splitlines())


def size(house: House) -> int:
    with reading(house.log / "audit.db") as log:
        return size_of(log)


async def test_the_daemon_holds_no_keys_and_the_writer_signs_its_story(tmp_path: Path) -> None:
    async with House(tmp_path, None, separate_audit=True) as house:
        prepare(house)
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")
        assert "pass  audit writer keeps the log" in ctl(house, "doctor")
        assert await house.stop() == 0
        kinds = house.kinds()
        assert [k for k in kinds if k.startswith("daemon.")] == [
            "daemon.started",
            "daemon.stopping",
            "daemon.stopped",
        ]
        assert "job.finished" in kinds
        assert "intact" in house.verify()
        state = {path.name for path in (tmp_path / "state").rglob("*")}
        assert not {name for name in state if "audit" in name or name.endswith(".key")}
        assert house.writer is not None
        house.writer.terminate()
        assert await house.writer.wait() == 0
        assert house.kinds()[-1] == "key.rotated", "the epoch has ended with the writer"


async def test_without_the_writer_the_daemon_does_not_start_and_says_why(tmp_path: Path) -> None:
    async with House(tmp_path, None, separate_audit=True) as house:
        await house.stop()
        await house.kill_writer()
        with pytest.raises(AssertionError, match="dispatch-audit is not running: nothing listens"):
            await house.start()
        await house.start_writer()
        await house.start()


async def test_while_the_writer_is_dead_nothing_is_done_and_then_it_goes_on(
    tmp_path: Path,
) -> None:
    async with House(tmp_path, None, separate_audit=True) as house:
        prepare(house)
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")

        await house.kill_writer()
        house.tg.user_says(ALICE, "/test")
        assert "dispatch-audit" in await house.reads(REFUSED)
        assert runs(house) == 1
        assert "audit      dispatch-audit is not running" in ctl(house, "status")
        told = ctl(house, "doctor")
        assert "fail  daemon       does nothing any more: dispatch-audit is not running" in told
        assert "fail  audit writer dispatch-audit is not running: nothing listens on" in told
        assert "→ see why: journalctl -u dispatch-audit" in told

        await house.start_writer()
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 3 ✓ done")
        assert runs(house) == 2
        assert "audit     " not in ctl(house, "status")
        assert "intact" in house.verify()


@pytest.mark.parametrize("records_before_the_kill", [1, 4, 7, 11])
async def test_killed_in_the_middle_it_loses_nothing_that_was_acknowledged(
    tmp_path: Path, records_before_the_kill: int
) -> None:
    async with House(tmp_path, None, separate_audit=True) as house:
        prepare(house)
        before = size(house)
        for _ in range(3):
            house.tg.user_says(ALICE, "/test")
        async with asyncio.timeout(30):
            while size(house) < before + records_before_the_kill:
                await asyncio.sleep(0)
        await house.kill_writer()
        await house.logs("dispatch-audit")
        await house.start_writer()
        house.tg.user_says(ALICE, "/status")
        await house.reads("dispatch-appliance 0")
        await house.stop()
        assert "intact" in house.verify()
        records = house.records()
        started = [r["d"]["job"] for r in records if r["kind"] == "job.started"]
        ran = runs(house) if (house.project / "ran.txt").exists() else 0
        assert ran <= len(started), "what ran was recorded before"
        assert "/status" in [r["d"]["object"] for r in records if r["kind"] == "request.allowed"]
        assert "Traceback" not in house.log_text().decode()


async def test_a_full_disk_of_the_writer_is_told_in_the_chat(tmp_path: Path) -> None:
    async with (
        SmallDisk(tmp_path / "audit", 5, ROOT) as disk,
        House(tmp_path, None, within=disk.within, separate_audit=True) as house,
    ):
        prepare(house)
        disk.fill()
        house.tg.user_says(ALICE, "/test")
        assert "database or disk is full" in await house.reads(REFUSED)
        assert "audit      the audit log in" in ctl(house, "status")
        assert "fail  audit writer the audit log in" in ctl(house, "doctor")
        assert not (house.project / "ran.txt").exists()

        disk.clear()
        await house.kill_writer()
        await house.start_writer()
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 2 ✓ done")
        assert "intact" in house.verify()


@pytest.mark.parametrize("separate", [True, False], ids=["dispatch-audit", "in-process"])
async def test_a_running_log_is_administered(tmp_path: Path, separate: bool) -> None:
    async with House(tmp_path, None, separate_audit=separate) as house:
        house.tg.user_says(ALICE, "/run my password is correct horse battery staple")
        await house.reads("Claude Code is not set up")
        said = next(r for r in house.records() if r["kind"] == "message.received")
        told = ctl(house, "audit", "redact", str(said["seq"]), "text", "--reason", "a password")
        assert told == f"text of record {said['seq']} is destroyed, and recorded\n"
        told = ctl(house, "audit", "redact", "1", "text", "--reason", "a password")
        assert "record 1 has no private value 'text'" in told
        told = ctl(house, "audit", "prune", "--before", "3", "--reason", "old", "--json")
        assert json.loads(told)["pruned"] == {"before": 3}
        told = ctl(house, "audit", "fork", "--accept-loss", "--reason", "x")
        assert "another process is writing it" in told
        house.tg.user_says(ALICE, "/status")
        await house.reads("dispatch-appliance 0")
        assert "intact" in house.verify()
        redacted = next(r for r in house.records() if r["kind"] == "record.redacted")
        assert redacted["actor"]["auth"].startswith("unix:")
        assert b"correct horse" not in (house.log / "audit.db").read_bytes()
