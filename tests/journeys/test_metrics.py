"""Numbers of a real daemon, scraped while it works, and its health when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import ALICE, ROOT, STRANGER, House
from tests.journeys.small_disk import SmallDisk
from tests.metrics.exposed import Samples, samples

METRICS = '[metrics]\nlisten = "{home}/metrics.sock"\n'
MIB = 1024 * 1024


async def get(house: House, path: str) -> tuple[int, str]:
    connector = UnixConnector(str(house.home / "metrics.sock"))
    async with (
        ClientSession("http://localhost", connector=connector) as client,
        client.get(path) as answer,
    ):
        return answer.status, await answer.text()


async def scraped(house: House) -> Samples:
    status, text = await get(house, "/metrics")
    assert status == 200
    return samples(text)


async def test_a_job_is_seen_in_the_numbers(tmp_path: Path) -> None:
    async with House(tmp_path, None, sections=METRICS) as house:
        before = await scraped(house)
        assert before["dispatch_healthy"] == before["dispatch_audit_writable"] == 1
        assert before["dispatch_jobs_ended_total outcome=succeeded project=demo"] == 0
        house.tg.user_says(STRANGER, "let me in")
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")

        after = await scraped(house)
        assert after["dispatch_jobs_queued_total project=demo"] == 1
        assert after["dispatch_jobs_ended_total outcome=succeeded project=demo"] == 1
        assert after["dispatch_job_start_seconds_count"] == 1
        assert after["dispatch_job_start_seconds_sum"] < 5
        assert after["dispatch_requests_total act=chat effect=allowed"] == 1
        assert after["dispatch_messages_received_total platform=telegram"] == 1
        assert after["dispatch_messages_ignored_total platform=telegram"] == 1
        assert after["dispatch_jobs project=demo state=running"] == 0
        assert after["dispatch_audit_records"] > before["dispatch_audit_records"]
        assert after["dispatch_flood_budget_left_ratio chats=private"] < 1
        assert after["dispatch_disk_free_bytes of=audit"] > 0
        assert not any(str(number) in name for name in after for number in (ALICE, STRANGER))
        assert await get(house, "/healthz") == (200, "ok\n")
        assert "pass  metrics" in doctor(house)

        await house.stop()
        await house.start()
        restarted = await scraped(house)
        assert restarted["dispatch_jobs_ended_total outcome=succeeded project=demo"] == 0


@pytest.mark.real_cli
async def test_a_question_is_seen_while_it_waits_and_the_task_with_its_memory(
    tmp_path: Path, claude_program: Path
) -> None:
    turns = (
        Turn("", (Call("Bash", {"command": "make test"}),), says("go")),
        Turn("done with it", when=returned("all tests passed")),
    )
    rules = ["p, owner, *, bash, make test, approve"]
    async with House(tmp_path, claude_program, *turns, rules=rules, sections=METRICS) as house:
        house.tg.user_says(ALICE, "/run go")
        await house.reads("make test")
        waiting = await scraped(house)
        assert waiting["dispatch_approvals_open"] == 1
        assert waiting["dispatch_jobs project=demo state=waiting_approval"] == 1
        assert waiting["dispatch_requests_total act=bash effect=asked"] == 1
        assert waiting["dispatch_tasks_memory_bytes"] > 20 * MIB
        house.press("Approve")
        await house.reads("done with it")
        await house.reads("Job 1 ✓ done")
        after = await scraped(house)
        assert after["dispatch_approvals_open"] == 0
        assert after["dispatch_approvals_answered_total answer=given"] == 1
        assert after["dispatch_approval_wait_seconds_count answer=given"] == 1
        assert after["dispatch_tool_calls_total result=ok"] == 1
        assert after["dispatch_tokens_total direction=output project=demo"] > 0


async def test_who_cannot_record_is_not_well(tmp_path: Path) -> None:
    async with (
        SmallDisk(tmp_path / "state/audit", 5, ROOT) as disk,
        House(tmp_path, None, within=disk.within, sections=METRICS) as house,
    ):
        assert await get(house, "/healthz") == (200, "ok\n")
        disk.fill()
        house.tg.user_says(ALICE, "/test")
        await house.reads("Nothing was done")
        status, line = await get(house, "/healthz")
        assert status == 503
        assert "database or disk is full" in line
        assert line.count("\n") == 1
        assert line.strip() in doctor(house), "the doctor says the same"
        numbers = await scraped(house)
        assert numbers["dispatch_healthy"] == numbers["dispatch_audit_writable"] == 0
        disk.clear()


def doctor(house: House) -> str:
    return house.ctl("doctor", "--config", str(house.home / "dispatch.toml")).stdout
