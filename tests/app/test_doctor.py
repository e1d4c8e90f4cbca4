"""Every check says what it found and, where needed, what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance import journald
from appliance.app.doctor import Check, examine
from tests.journeys.house import House
from tests.policy.policies_on_disk import write


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


async def test_a_machine_that_is_not_kept_awake_is_told_why(tmp_path: Path) -> None:
    bus = f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={tmp_path}/no-bus"
    async with House(tmp_path, None, awake=True, within=("env", bus)) as house:
        await house.logs("the machine is not kept awake: no system bus")
        found = (await checks(house))["keep awake"]
    assert found["outcome"] == "warn"
    assert found["found"].startswith("no system bus: ")
    assert "enabled = false" in found["fix"]


def examined(tmp_path: Path, audit: str, users: str, name: str = "anchors") -> Check:
    """The check of that name for these settings; no daemon runs."""
    (tmp_path / "demo").mkdir()
    file = tmp_path / "dispatch.toml"
    file.write_text(
        f'[daemon]\nstate = "{tmp_path}/state"\npolicies = "{tmp_path}/policies"\n'
        f'[terminal]\nsocket = "{tmp_path}/socket"\n'
        f'{users}\n[projects.demo]\npath = "{tmp_path}/demo"\n{audit}\n'
    )
    (tmp_path / "state").mkdir()
    return next(check for check in examine(file) if check.name == name)


def test_the_policy_is_judged_as_the_daemon_judges_it(tmp_path: Path) -> None:
    """To the daemon an automation is no person, so nobody is left who could approve."""
    write(
        tmp_path / "policies",
        "g, me, dev",
        "g, night, dev",
        "p, dev, demo, bash, git push **, approve, by=dev",
        "t, me, demo, bash, git push, deny",
    )
    users = "[users.me]\nunix = [1]\n[users.night]\nunix = [2]\nautomation = true"
    found = examined(tmp_path, "", users, "policy")
    assert found.outcome == "pass", found


def test_a_log_that_nobody_else_keeps_checkpoints_of_is_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "no-journald")
    found = examined(tmp_path, "", "[users.me]\nunix = [1]")
    assert found.outcome == "warn"
    assert "nobody else keeps checkpoints" in found.found
    assert "anchor_file" in found.fix


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked")
def test_an_anchor_file_that_can_be_rewritten_is_remarked_on(tmp_path: Path) -> None:
    audit = f'[audit]\nanchor_file = "{tmp_path}/anchors"'
    found = examined(tmp_path, audit, "[users.me]\nunix = [1]")
    assert (found.outcome, "chattr +a" in found.fix) == ("warn", True)


def test_where_checkpoints_go_is_told(tmp_path: Path) -> None:
    audit = '[audit]\nwitnesses = ["https://w.example/log"]'
    found = examined(tmp_path, audit, "[web]\n[users.me]\nweb = true\nunix = [1]")
    assert found.outcome == "pass"
    assert found.found.startswith("the chat of me")
    assert found.found.endswith("https://w.example/log")


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


async def test_an_encrypted_credential_is_there_though_nobody_can_open_it(house: House) -> None:
    (house.home / "credentials/telegram-token").unlink()
    assert (await checks(house))["credential"]["outcome"] == "fail"
    (house.home / "credentials.encrypted").mkdir()
    (house.home / "credentials.encrypted/telegram-token").write_text("sealed")
    found = (await checks(house))["credential"]
    assert found["outcome"] == "pass"
    assert found["found"].startswith("telegram-token, encrypted")


async def test_broken_settings_end_the_examination(house: House) -> None:
    (house.home / "dispatch.toml").write_text("[daemn]\n")
    found = await checks(house)
    assert list(found) == ["settings"]
    assert 'did you mean "daemon"' in found["settings"]["found"]
