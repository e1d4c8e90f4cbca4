"""A lockdown that somebody who has a phone wants to be rid of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.core.model import AdminRequest, Allowed, Platform
from tests.examples import ALICE, BOB
from tests.services.rig import RULE, Rig, allow_everything, running

TRIES = (
    "/lockdown lift",
    "/lockdown off",
    "/run dispatchctl lockdown lift",
    "/grant alice dev",
    "/approve p-whatever00",
    "/new",
    "/project demo",
)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Locked down, and a policy that would even let a phone lift it."""
    policy = allow_everything()
    policy.table["lockdown lift"] = Allowed(RULE)
    rig = Rig(tmp_path, policy)
    async with running(rig):
        await rig.says("/lockdown now", BOB)
        await rig.chat.until("Everything is stopped.")
        yield rig
    rig.state.close()


@pytest.mark.parametrize("words", TRIES)
async def test_no_words_of_a_phone_lift_it(rig: Rig, words: str) -> None:
    request = AdminRequest(ALICE.name, "lockdown lift", Platform.TELEGRAM)
    assert isinstance(rig.policy.decide(request), Allowed)
    await rig.says(words)
    async with asyncio.timeout(5):
        while rig.state.waiting():
            await asyncio.sleep(0)
    assert rig.lockdowns.refusal is not None
    assert rig.agent.tasks == []
    assert rig.state.open_proposals() == ()


@pytest.mark.parametrize("token", ["lk:neverasked", "lk:", "gy:p-whatever00", "t:git status"])
async def test_no_button_lifts_it(rig: Rig, token: str) -> None:
    await rig.clicks(token)
    async with asyncio.timeout(5):
        while rig.state.waiting():
            await asyncio.sleep(0)
    assert rig.lockdowns.refusal is not None
    assert rig.agent.tasks == []


async def test_a_code_pairs_nobody_meanwhile(rig: Rig) -> None:
    before = rig.state.accounts()
    await rig.says("/start abcdefghijklmnopqrstuv")
    async with asyncio.timeout(5):
        while rig.state.waiting():
            await asyncio.sleep(0)
    assert rig.state.accounts() == before
