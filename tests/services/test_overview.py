"""Who there is and what happened, on a phone's screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.core.excerpts import Excerpt, LogLine
from tests.examples import ALICE, NOW
from tests.services.rig import CAROL, Rig, allow_everything, running


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    policy = allow_everything()
    policy.admins = {ALICE.name}
    rig = Rig(tmp_path, policy)
    async with running(rig):
        yield rig
    rig.state.close()


def line(seq: int) -> LogLine:
    return LogLine(seq, NOW, "alice", "request.allowed", f"/status {'x' * 100}", "allowed")


async def test_users_are_a_line_each(rig: Rig) -> None:
    await rig.says("/users")
    said = await rig.chat.until("3 users")
    assert "alice · owner · demo, other · 1 account · here now" in said
    assert "bob · no role · demo, other · 1 account · never seen" in said


async def test_the_log_fits_a_phone(rig: Rig) -> None:
    page = Excerpt(tuple(map(line, range(90, 75, -1))), 76, 90, 80, NOW - 60_000)
    rig.log.page = page
    await rig.says("/audit")
    said = await rig.chat.until("signed ✓")
    assert "80 kept elsewhere, 1 min ago" in said
    lines = said.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines[1:])) <= 45


async def test_a_button_shows_what_was_before(rig: Rig) -> None:
    rig.log.page = Excerpt((line(90),), 76, 90, 0, 0)
    await rig.says("/audit alice")
    await rig.chat.until("signed ✓")
    rig.log.page = Excerpt((line(70),), 1, 90, 0, 0)
    await rig.clicks(rig.button("Earlier"))
    async with rig.chat.changed:
        await rig.chat.changed.wait_for(lambda: len(rig.log.asked) == 2)
    assert rig.log.asked == [("alice", 0, 0, 0), ("alice", 0, 0, 76)]


async def test_a_log_that_proves_nothing_is_not_shown(rig: Rig) -> None:
    rig.log.broken = "the audit log does not prove what it says"
    await rig.says("/audit")
    await rig.chat.until("⚠ The log cannot be shown: the audit log does not prove")


async def test_who_may_not_sees_neither(rig: Rig) -> None:
    await rig.says("/audit", CAROL)
    await rig.says("/users", CAROL)
    await rig.chat.until("carol does not look after the appliance")
    assert rig.log.asked == []


async def test_the_status_is_eight_lines_and_the_rest_a_tap_away(rig: Rig) -> None:
    await rig.says("/status")
    said = await rig.chat.until("queued 0")
    assert said.startswith("⚠ host · dispatch-appliance 0\n⚠ the agent runs unprotected")
    assert len(said.splitlines()) <= 8
    await rig.clicks(rig.button("More"))
    await rig.chat.until("up 0 s")
