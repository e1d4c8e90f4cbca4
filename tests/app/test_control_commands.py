"""`dispatchctl status|jobs|send|awake|login` against a running daemon."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path, None) as house:
        yield house


async def ctl(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        house.ctl, *arguments, "--config", str(house.home / "dispatch.toml")
    )


async def test_what_is_sent_is_answered_and_becomes_a_job(house: House) -> None:
    sent = await ctl(house, "send", "/test")
    assert "Job 1 started" in sent.stdout
    assert "all tests passed" in sent.stdout
    jobs = await ctl(house, "jobs")
    assert jobs.stdout.split()[:4] == ["1", "succeeded", "demo", "me"]
    assert json.loads((await ctl(house, "jobs", "--json")).stdout)["jobs"][0]["kind"] == "test"
    received = next(r for r in house.records() if r["kind"] == "message.received")
    assert received["actor"]["auth"] == f"terminal:{os.getuid()}"


async def test_status_tells_how_things_stand(house: House) -> None:
    told = (await ctl(house, "status")).stdout
    assert "nothing; 0 queued" in told
    report = json.loads((await ctl(house, "status", "--json")).stdout)
    assert (report["v"], report["running"]) == (1, [])


async def test_the_machine_is_kept_awake_from_the_terminal(tmp_path: Path) -> None:
    bus = f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={tmp_path}/no-bus"
    async with House(tmp_path, None, awake=True, within=("env", bus)) as house:
        assert "Awake until " in (await ctl(house, "awake", "2h")).stdout
        assert "at most 8 hours" in (await ctl(house, "awake", "9h")).stdout
        assert "How long?" in (await ctl(house, "awake", "for", "ever")).stdout
        assert "Awake: " in (await ctl(house, "awake")).stdout
        assert "Ended." in (await ctl(house, "awake", "off")).stdout
        assert "awake      the machine may sleep" in (await ctl(house, "status")).stdout
        asked = [r["d"]["object"] for r in house.records() if r["kind"] == "request.allowed"]
        assert asked == ["/awake"] * 4


async def test_a_login_without_a_chat_page_says_what_is_missing(house: House) -> None:
    refused = await ctl(house, "login")
    assert refused.returncode == 1
    assert "there is no chat page" in refused.stderr
    assert "[web]" in refused.stderr


async def test_without_a_daemon_it_says_so(house: House) -> None:
    await house.stop()
    refused = await ctl(house, "status")
    assert refused.returncode == 69
    assert "dispatchd is not running" in refused.stderr
