"""The stand-in for an agent says what to do and runs nothing."""

from __future__ import annotations

import pytest

from appliance.agent.absent import AbsentAgent
from appliance.core.model import Proceed, ToolCall, Verdict
from appliance.errors import AgentFailed
from tests.grounds import Grounds


async def judge(call: ToolCall) -> Verdict:
    return Proceed(call.input)


async def test_it_is_never_ready_and_never_starts(grounds: Grounds) -> None:
    agent = AbsentAgent("nobody is here", "install somebody")
    with pytest.raises(AgentFailed, match="nobody is here") as caught:
        await agent.ready()
    assert caught.value.hint == "install somebody"
    with pytest.raises(AgentFailed):
        async with agent.start(grounds.task("work"), judge):
            pass
