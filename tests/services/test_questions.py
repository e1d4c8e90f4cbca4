"""An agent asks, people answer: with buttons, by replies, once, in time, and only if they may."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from appliance.core.events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    RequestAllowed,
    RequestDenied,
)
from appliance.core.jobs import State
from appliance.core.model import (
    ASK_PEOPLE,
    Allowed,
    Asks,
    Ended,
    Ending,
    Json,
    PostKind,
    Proceed,
    ToolCall,
)
from tests.examples import ALICE, BOB
from tests.services.rig import CAROL, RULE, Puppet, Rig, running

COLOUR: Json = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "Red", "description": "warm"},
        {"label": "Blue", "description": "cold"},
    ],
}
SIZES: Json = {
    "question": "Which sizes?",
    "header": "Sizes",
    "multiSelect": True,
    "options": [{"label": "S"}, {"label": "M"}, {"label": "L"}],
}
Got = list[Mapping[str, str] | str]


async def asking(rig: Rig, *questions: Json, rule: Allowed | Asks | None = None) -> Got:
    """Alice's agent asks; what it got back, in the end: the answers, or why there are none."""
    got: Got = []

    async def script(puppet: Puppet) -> None:
        values: dict[str, Json] = {"questions": list(questions)}
        verdict = await puppet.judge(ToolCall("toolu_1", ASK_PEOPLE, values, "/srv/demo"))
        if isinstance(verdict, Proceed):
            got.append(verdict.answers or {})
        else:
            got.append(verdict.reason)

    rig.policy.table[ASK_PEOPLE] = rule or Allowed(RULE)
    rig.policy.table["/answer"] = Allowed(RULE)
    rig.policy.by = {"lead": {"bob"}}
    rig.agent.script = script
    await rig.says("/status", BOB)
    await rig.says("paint it")
    return got


async def test_a_choice_is_the_answer(rig: Rig) -> None:
    got = await asking(rig, COLOUR)
    shown = await rig.chat.until("The agent asks")
    assert "Which colour?" in shown
    assert "2. Blue — cold" in shown
    await rig.clicks(rig.button("Blue"))
    await rig.chat.until("all done")
    assert got == [{"Which colour?": "Blue"}]
    assert "→ Blue" in await rig.chat.until("✓ Answered by alice at ")
    names = rig.audit.names()
    order = [names.index(n) for n in ("question.asked", "question.answered", "request.allowed")]
    assert names.index("request.allowed", order[1]) > order[1] > order[0]
    (asked,) = [event for event in rig.audit.events if isinstance(event, QuestionAsked)]
    (answered,) = [event for event in rig.audit.events if isinstance(event, QuestionAnswered)]
    assert (asked.text, answered.answer) == ("Which colour?", "Blue")
    assert answered.who.id == "alice"
    assert any(isinstance(e, RequestAllowed) and e.act == ASK_PEOPLE for e in rig.audit.events)


async def test_several_are_marked_and_done(rig: Rig) -> None:
    got = await asking(rig, SIZES)
    await rig.chat.until("The agent asks")
    await rig.clicks(rig.button("Done"))
    await rig.chat.until("Choose something first")
    for label in ("☐ S", "☐ L", "☐ M", "☑ M", "Done"):
        await rig.chat.until_button(label)
        await rig.clicks(rig.button(label))
    await rig.chat.until("all done")
    assert got == [{"Which sizes?": "S, L"}]


async def test_each_question_is_a_message_and_all_must_be_answered(rig: Rig) -> None:
    got = await asking(rig, COLOUR, SIZES)
    await rig.chat.until("Which colour?")
    await rig.chat.until("Which sizes?")
    job = rig.state.unfinished_jobs()[0]
    assert (job.state, job.pending) == (State.WAITING_APPROVAL, 2)
    await rig.replies("1, 3", "Which sizes?")
    await rig.chat.until("→ S, L")
    assert got == []
    await rig.replies("dark blue,\nplease", "Which colour?")
    await rig.chat.until("all done")
    assert got == [{"Which colour?": "dark blue,\nplease", "Which sizes?": "S, L"}]


async def test_it_can_be_answered_by_its_id(rig: Rig) -> None:
    got = await asking(rig, COLOUR)
    await rig.chat.until("The agent asks")
    name = rig.button("Blue").split(":")[1]
    await rig.says(f"/answer {name} 2")
    await rig.chat.until("all done")
    assert got == [{"Which colour?": "Blue"}]
    await rig.says(f"/answer {name} 1")
    await rig.chat.until("Already answered by alice.")


async def test_somebody_else_may_answer_only_if_the_rule_says_so(rig: Rig) -> None:
    got = await asking(rig, COLOUR)
    await rig.chat.until("The agent asks")
    await rig.clicks(rig.button("Red"), BOB)
    await rig.chat.until("You may not answer this. Ask alice.")
    assert any(isinstance(e, RequestDenied) and e.act == "answer" for e in rig.audit.events)
    assert got == []


async def test_a_rule_may_have_somebody_else_answer(rig: Rig) -> None:
    got = await asking(rig, COLOUR, rule=Asks(RULE, by=("lead",)))
    await rig.chat.until("The agent asks")
    asked = {p.place.chat for p in rig.chat.posts if "The agent asks" in p.reply.body.text}
    assert asked == {ALICE.sender.id, BOB.sender.id}
    await rig.clicks(rig.button("Red"), ALICE)
    await rig.chat.until("You may not answer this. Ask bob.")
    await rig.clicks(rig.button("Red"), BOB)
    await rig.chat.until("all done")
    assert got == [{"Which colour?": "Red"}]


async def test_who_does_not_answer_in_time_is_told_to_the_agent(rig: Rig) -> None:
    got = await asking(rig, COLOUR, SIZES, rule=Asks(RULE, ttl_seconds=60))
    await rig.chat.until("Which sizes?")
    await rig.replies("2", "Which colour?")
    await rig.chat.until("→ Blue")
    rig.clock.advance(61)
    await rig.chat.until("all done")
    (reason,) = got
    assert "nobody answered in time: Which sizes?" in reason
    assert '"Which colour?" was answered: "Blue"' in reason
    await rig.chat.until("Nobody answered in time; the agent went on without an answer")
    assert sum(isinstance(event, QuestionExpired) for event in rig.audit.events) == 1
    await rig.replies("too late", "Nobody answered in time")
    await rig.chat.until("Too late: the agent went on without an answer.")
    assert len(rig.state.latest_jobs(9)) == 1


async def test_an_agent_cannot_answer_itself(rig: Rig) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        values: dict[str, Json] = {"questions": [COLOUR, COLOUR]}
        verdict = await puppet.judge(ToolCall("toolu_1", ASK_PEOPLE, values, "/srv/demo"))
        assert not isinstance(verdict, Proceed)
        got.append(verdict.reason)

    rig.policy.table[ASK_PEOPLE] = Allowed(RULE)
    rig.agent.script = script
    await rig.says("paint it")
    await rig.chat.until("all done")
    assert "two of the questions are the same" in got[0]
    assert not any(isinstance(event, QuestionAsked) for event in rig.audit.events)


async def test_two_people_cannot_be_asked_for_one_answer(rig: Rig) -> None:
    got = await asking(rig, COLOUR, rule=Asks(RULE, by=("lead",), people=2))
    await rig.chat.until("all done")
    assert "nobody who may answer alone" in str(got[0])


async def test_without_a_log_nobody_is_asked(rig: Rig) -> None:
    got: Got = []

    async def script(puppet: Puppet) -> None:
        rig.audit.broken = "disk full"
        values: dict[str, Json] = {"questions": [COLOUR]}
        verdict = await puppet.judge(ToolCall("toolu_1", ASK_PEOPLE, values, "/srv/demo"))
        rig.audit.broken = ""
        assert not isinstance(verdict, Proceed)
        got.append(verdict.reason)

    rig.policy.table[ASK_PEOPLE] = Allowed(RULE)
    rig.agent.script = script
    await rig.says("paint it")
    await rig.chat.until("all done")
    assert "disk full" in str(got[0])
    assert not any("The agent asks" in post.reply.body.text for post in rig.chat.posts)


async def test_a_question_that_the_agent_withdraws_is_withdrawn(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        values: dict[str, Json] = {"questions": [COLOUR]}
        call = ToolCall("toolu_1", ASK_PEOPLE, values, "/srv/demo")
        try:
            async with asyncio.timeout(0.1):
                await puppet.judge(call)
        except TimeoutError:
            pass

    rig.policy.table[ASK_PEOPLE] = Allowed(RULE)
    rig.agent.script = script
    await rig.says("paint it")
    await rig.chat.until("all done")
    await rig.chat.until("Withdrawn: the job went on or ended without an answer")


async def test_a_restart_withdraws_what_was_open(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        await asking(rig, COLOUR)
        await rig.chat.until("The agent asks")
        token = rig.button("Blue")
    rig.state.close()
    after = Rig(tmp_path, rig.policy)
    after.chat.posts, after.chat.messages = rig.chat.posts, rig.chat.messages
    after.number = rig.number
    async with running(after):
        await after.chat.until("Withdrawn: the job went on or ended without an answer")
        await after.clicks(token)
        await after.chat.until("This is no longer being asked.")
    after.state.close()


async def test_the_end_of_the_job_withdraws_its_questions(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        call = ToolCall("toolu_1", ASK_PEOPLE, {"questions": [COLOUR]}, "/srv/demo")

        async def ask() -> None:
            await puppet.judge(call)

        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask())
            await puppet.interrupted.wait()
            puppet.tell(Ended(Ending.CANCELLED, "stopped"))
            await rig.chat.until("Withdrawn: the job went on or ended without an answer")
            asking.cancel()

    rig.policy.table[ASK_PEOPLE] = Allowed(RULE)
    rig.agent.script = script
    await rig.says("paint it")
    await rig.chat.until("The agent asks")
    await rig.says("/stop")
    await rig.chat.until("Withdrawn: the job went on or ended without an answer")
    assert not any(isinstance(event, QuestionAnswered) for event in rig.audit.events)


async def test_a_stranger_to_the_question_is_not_even_shown_it(rig: Rig) -> None:
    await asking(rig, COLOUR)
    await rig.chat.until("The agent asks")
    asked = {
        post.place.chat
        for post in rig.chat.posts
        if post.kind is PostKind.NEW and "The agent asks" in post.reply.body.text
    }
    assert CAROL.sender.id not in asked
