"""Numbers of a real daemon, scraped while it works, and its health when it cannot."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.house import ALICE, ROOT, STRANGER, House
from tests.journeys.small_disk import SmallDisk

METRICS = '[metrics]\nlisten = "{home}/metrics.sock"\n'


async def get(house: House, path: str) -> tuple[int, str]:
    """What is answered over the Unix socket."""
    connector = UnixConnector(str(house.home / "metrics.sock"))
    async with ClientSession(connector=connector) as client:
        async with client.get(f"http://localhost{path}") as answer:
            return answer.status, await answer.text()


async def scraped(house: House) -> dict[str, float]:
    """Every sample as the official parser reads it, "name{label=value}"."""
    status, text = await get(house, "/metrics")
    assert status == 200
    return {
        " ".join([sample.name, *sorted(f"{n}={v}" for n, v in sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_job_is_seen_in_the_numbers(tmp_path: Path) -> None:
    async with House(tmp_path, None, sections=METRICS) as house:
        before = await scraped(house)
        assert before["dispatch_healthy"] == 1
        assert before["dispatch_jobs_ended_total outcome=succeeded project=demo"] == 0
        house.tg.user_says(STRANGER, "let me in")
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")
        after = await scraped(house)
        print((await get(house, "/metrics"))[1]); print(await get(house, "/healthz"))
        await house.stop()
