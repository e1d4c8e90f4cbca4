"""/why explains the last refusal of the place where it is asked."""

from __future__ import annotations

from pathlib import Path

from appliance.core.model import Allowed, Denied, Place, Platform
from tests.examples import ALICE, BOB
from tests.services.rig import RULE, Rig, running


async def test_there_may_have_been_none(rig: Rig) -> None:
    await rig.says("/why")
    await rig.chat.until("Nothing was refused here so far.")


async def test_a_refused_command_is_explained_with_rule_and_advice(rig: Rig) -> None:
    rig.policy.table["/run"] = Denied(RULE, "not on Fridays")
    await rig.says("/run it")
    assert "/why tells more" in await rig.chat.until("Not allowed: not on Fridays")
    rig.clock.advance(120)
    await rig.says("/why")
    text = await rig.chat.until("Refused 2 min ago, for alice")
    for part in ("/run", "not on Fridays", "Rule rules.csv:1", RULE.text, "· add a line"):
        assert part in text


async def test_a_refused_call_of_an_agent_is_explained(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Mystery", command="x --y")
    await rig.says("go")
    await rig.chat.until("all done")
    await rig.says("/why")
    text = await rig.chat.until("ago, for alice")
    assert "Mystery: x --y" in text
    assert "Rule" not in text


async def test_rules_that_have_changed_since_are_said_to(rig: Rig) -> None:
    rig.policy.table["/run"] = Denied(RULE, "no")
    await rig.says("/run it")
    await rig.chat.until("Not allowed")
    rig.policy.table["/run"] = Allowed(RULE)
    await rig.says("/why")
    await rig.chat.until("By the rules as they are now it is not refused.")


async def test_what_was_refused_elsewhere_is_not_told_here(rig: Rig) -> None:
    rig.policy.table["/run"] = Denied(RULE, "no")
    await rig.says("/run it")
    await rig.chat.until("Not allowed")
    await rig.says("/why", BOB)
    await rig.chat.until("Nothing was refused here so far.")
    await rig.says("/why", ALICE, Place(Platform.TELEGRAM, "4711", "7"))
    await rig.says("/why", ALICE)
    await rig.chat.until("Refused")


async def test_who_may_not_ask_why_keeps_the_refusal(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        del rig.policy.table["/run"]
        del rig.policy.table["/why"]
        await rig.says("/run it")
        await rig.chat.until("nothing allows /run")
        await rig.says("/why")
        await rig.chat.until("nothing allows /why")
        rig.policy.table["/why"] = Allowed(RULE)
        await rig.says("/why")
        assert "nothing allows /run" in await rig.chat.until("for alice")
    rig.state.close()
