"""Every check says what it found and, where needed, what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path, None) as house:
        yield house


async def checks(house: House) -> dict[str, dict[str, Any]]:
    done = await asyncio.to_thread(
        house.ctl, "doctor", "--json", "--config", str(house.home / "dispatch.toml")
    )
    report = json.loads(done.stdout)
    assert report["v"] == 1
    found = {check["name"]: check for check in report["checks"]}
    assert done.returncode == int(any(c["outcome"] == "fail" for c in found.values()))
    return found


async def test_a_healthy_installation_passes(house: House) -> None:
    found = await checks(house)
    assert found["claude"]["outcome"] == "warn"
    healthy = {name: c["outcome"] for name, c in found.items() if name not in ("claude", "disk")}
    healthy.pop("isolation")  # it depends on the host
    assert set(healthy.values()) == {"pass"}, found
    assert "intact" in found["audit log"]["found"]


async def test_what_is_wrong_fails_with_what_to_do(house: House) -> None:
    (house.home / "credentials/telegram-token").chmod(0o644)
    (house.home / "policies/rules.csv").write_text("p, ownr, *, chat, **, allow\n")
    await house.stop()
    found = await checks(house)
    assert found["credential"]["outcome"] == "fail"
    assert "chmod 600" in found["credential"]["fix"]
    assert found["policy"]["outcome"] == "fail"
    assert "rules.csv:1" in found["policy"]["found"]
    assert found["daemon"]["outcome"] == "warn"
    assert "not running" in found["daemon"]["found"]


async def test_broken_settings_end_the_examination(house: House) -> None:
    (house.home / "dispatch.toml").write_text("[daemn]\n")
    found = await checks(house)
    assert list(found) == ["settings"]
    assert 'did you mean "daemon"' in found["settings"]["found"]
