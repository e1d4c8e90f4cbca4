"""One conversation with a program that may be wrong, old, hostile, deaf or dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.agent import session as session_module
from appliance.agent.claude import TOOLS
from appliance.agent.gates import StrictGates
from appliance.agent.program import Account, ClaudeProgram
from appliance.agent.session import ClaudeSession, Terms
from appliance.core.model import (
    Ended,
    Ending,
    Proceed,
    Retrying,
    Said,
    SessionStarted,
    TaskEvent,
    TaskStarted,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Verdict,
)
from appliance.errors import AuditUnavailable
from appliance.ports import Judge
from tests.grounds import Grounds, allow, refuse

Stub = Callable[[str], Path]


@asynccontextmanager
async def talking(
    grounds: Grounds,
    program: Path,
    judge: Judge = allow,
    *,
    timeout_seconds: int = 20,
    retry_seconds: float = 60,
) -> AsyncIterator[ClaudeSession]:
    terms = Terms(TOOLS, retry_seconds, hold=lambda _session: None)
    task = grounds.task("please", timeout_seconds=timeout_seconds)
    claude = ClaudeProgram(grounds.link(), program, TOOLS)
    async with claude.converse(task, judge, StrictGates(), Account(), terms) as session:
        yield session


async def heard(
    grounds: Grounds,
    program: Path,
    judge: Judge = allow,
    *,
    timeout_seconds: int = 20,
    retry_seconds: float = 60,
) -> list[TaskEvent]:
    async with talking(
        grounds, program, judge, timeout_seconds=timeout_seconds, retry_seconds=retry_seconds
    ) as session:
        return [event async for event in session.events()]


def ended(events: list[TaskEvent]) -> Ended:
    """The one `Ended`, which is the last."""
    assert [isinstance(event, Ended) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Ended)
    return last


async def test_events_come_in_their_order(grounds: Grounds, stub: Stub) -> None:
    script = """
assert start() == "please"
say(type="assistant", message={"content": [{"type": "text", "text": "hello"}]})
hook("ls")
permission("ls")
say(type="user", message={"content": [
    {"type": "tool_result", "tool_use_id": "c1", "content": "a b"}]})
done("bye")
"""
    events = await heard(grounds, stub(script))
    assert [type(event) for event in events] == [
        TaskStarted,
        SessionStarted,
        Said,
        ToolStarted,
        ToolFinished,
        Ended,
    ]
    assert ended(events).text == "bye"
    assert ended(events).usage.cost_microdollars == 500_000


async def test_a_refusal_reaches_the_agent_with_its_reason(grounds: Grounds, stub: Stub) -> None:
    script = """
start()
decision = hook("rm -rf /")["response"]["hookSpecificOutput"]
done(decision["permissionDecision"] + ": " + decision["permissionDecisionReason"])
"""
    events = await heard(grounds, stub(script), refuse)
    assert ended(events).text == "deny: not in this test"
    assert not any(isinstance(event, ToolStarted) for event in events)


async def test_a_call_is_told_as_started_only_after_the_second_gate(
    grounds: Grounds, stub: Stub
) -> None:
    events = await heard(grounds, stub('start(); hook("ls"); done("no second question")'))
    assert not any(isinstance(event, ToolStarted) for event in events)


async def test_a_call_that_was_changed_after_approval_ends_the_task(
    grounds: Grounds, stub: Stub
) -> None:
    script = """
start()
hook("ls")
answer = permission("rm -rf /")["response"]
assert answer["behavior"] == "deny" and answer["interrupt"], answer
done("went on all the same")
"""
    events = await heard(grounds, stub(script))
    assert ended(events).ending is Ending.FAILED
    assert "was changed after it had been approved" in ended(events).text
    assert not any(isinstance(event, ToolStarted) for event in events)


async def test_a_call_the_first_gate_never_saw_is_refused(grounds: Grounds, stub: Stub) -> None:
    events = await heard(grounds, stub('start(); permission("ls"); done("x")'))
    assert ended(events).ending is Ending.FAILED


async def test_an_input_changed_by_the_judge_is_what_runs(grounds: Grounds, stub: Stub) -> None:
    async def careful(_call: ToolCall) -> Verdict:
        return Proceed({"command": "ls --safe"})

    script = """
start()
changed = hook("ls")["response"]["hookSpecificOutput"]["updatedInput"]["command"]
permission(changed)
done(changed)
"""
    events = await heard(grounds, stub(script), careful)
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    assert started.call.input == {"command": "ls --safe"}
    assert ended(events).ending is Ending.SUCCEEDED


@pytest.mark.parametrize("error", [RuntimeError("bug"), AuditUnavailable("disk full")])
async def test_a_judge_that_fails_refuses(
    grounds: Grounds, stub: Stub, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_call: ToolCall) -> Verdict:
        raise error

    script = """
start()
done(hook("ls")["response"]["hookSpecificOutput"]["permissionDecision"])
"""
    assert ended(await heard(grounds, stub(script), broken)).text == "deny"


async def test_a_question_that_was_withdrawn_cancels_its_judge(
    grounds: Grounds, stub: Stub
) -> None:
    is_cancelled = asyncio.Event()

    async def patient(_call: ToolCall) -> Verdict:
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()
        raise AssertionError

    script = """
start()
say(type="control_request", request_id="q", request={
    "subtype": "hook_callback", "callback_id": "gate", "input": {
        "hook_event_name": "PreToolUse", "tool_use_id": "c", "tool_name": "Bash",
        "tool_input": {}, "cwd": "/"}})
ask(subtype="anything")  # once this is answered, the judge has been asked
say(type="control_cancel_request", request_id="q")
hear()
"""
    async with talking(grounds, stub(script), patient):
        await is_cancelled.wait()


async def test_an_agent_that_ends_cancels_its_judge(grounds: Grounds, stub: Stub) -> None:
    asked = asyncio.Event()

    async def patient(_call: ToolCall) -> Verdict:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    script = """
start()
say(type="control_request", request_id="q", request={
    "subtype": "hook_callback", "callback_id": "gate", "input": {
        "hook_event_name": "PreToolUse", "tool_use_id": "c", "tool_name": "Bash",
        "tool_input": {}, "cwd": "/"}})
sys.exit(1)
"""
    assert ended(await heard(grounds, stub(script), patient)).ending is Ending.FAILED
    assert asked.is_set()


async def test_a_question_of_an_unknown_kind_is_answered_with_an_error(
    grounds: Grounds, stub: Stub
) -> None:
    script = 'start(); done(ask(subtype="elicitation")["error"])'
    assert ended(await heard(grounds, stub(script))).text == "unsupported: elicitation"


# what is refused at once


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('greet(claude_code_version="2.1.316"); hear()', "claude 2.1.316 is too old"),
        ('greet(claude_code_version=""); hear()', "of unknown version is too old"),
        ("greet(hook_on_failure_supported=False); hear()", "does not promise to refuse"),
        ('hear(); print("Welcome!", flush=True); hear()', "broke its protocol: 'Welcome!"),
        ('start(); print("{", flush=True); hear()', "broke its protocol"),
        ('TOOLS.append("Monitor"); start(); hear()', "tools it was not given: Monitor"),
        ("greet(); hear(); init(mcp_servers=[{}]); hear()", "MCP servers it was not given"),
        ("greet(); hear(); init(session_id='../x'); hear()", "a session that is none"),
        ("sys.exit('unknown option --restricted')", "(exit status 1): unknown option --restri"),
        ("start(); os.kill(os.getpid(), 9)", "the agent was killed (signal 9)"),
        ('start(); print("{", end="", flush=True); sys.exit(0)', "without an answer (exit status"),
        ("start(); done('')", "ended without an answer; start afresh"),
        ("start(); done('x', is_error=True)", "the agent failed: x"),
    ],
)
async def test_what_goes_wrong_is_one_clear_failure(
    grounds: Grounds, stub: Stub, script: str, words: str
) -> None:
    last = ended(await heard(grounds, stub(script)))
    assert last.ending is Ending.FAILED
    assert words in last.text


async def test_a_line_without_end_is_not_read_to_its_end(
    grounds: Grounds, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
start()
for _ in range(70):
    sys.stdout.write("x" * 1024 * 1024)
sys.stdout.flush()
hear()
"""
    assert "a line of more than 64 MiB" in ended(await heard(grounds, stub(script))).text


async def test_a_long_line_below_the_limit_is_read(grounds: Grounds, stub: Stub) -> None:
    script = 'start(); say(type="user", message={"content": "x" * 8_000_000}); done("read")'
    assert ended(await heard(grounds, stub(script))).text == "read"


async def test_trouble_is_told_and_given_up_in_the_end(grounds: Grounds, stub: Stub) -> None:
    script = """
start()
while True:
    say(type="system", subtype="api_retry", error_status=401, error="authentication_failed")
    time.sleep(0.05)
"""
    events = await heard(grounds, stub(script), retry_seconds=0.2)
    assert any(isinstance(event, Retrying) for event in events)
    assert "the model's API answers 401 (authentication_failed)" in ended(events).text


async def test_trouble_that_is_over_is_forgotten(grounds: Grounds, stub: Stub) -> None:
    script = """
start()
for _ in range(4):
    say(type="system", subtype="api_retry", error_status=529, error="overloaded")
    time.sleep(0.2)
    say(type="assistant", message={"content": [{"type": "text", "text": "on"}]})
done("made it")
"""
    assert ended(await heard(grounds, stub(script), retry_seconds=0.5)).text == "made it"


# time, steering, interrupt


async def test_a_task_that_takes_too_long_times_out(grounds: Grounds, stub: Stub) -> None:
    events = await heard(grounds, stub("start(); time.sleep(600)"), timeout_seconds=1)
    assert ended(events) == Ended(Ending.TIMED_OUT, "stopped after 1 s, its time limit")


async def test_what_it_says_while_it_is_stopped_for_time_is_no_answer(
    grounds: Grounds, stub: Stub
) -> None:
    script = """
signal.signal(signal.SIGTERM, lambda *_: done("all is well"))
start()
time.sleep(60)
"""
    last = ended(await heard(grounds, stub(script), timeout_seconds=1))
    assert last.ending is Ending.TIMED_OUT
    assert last.text == "stopped after 1 s, its time limit"


async def test_a_message_that_comes_with_the_result_gets_a_turn_of_its_own(
    grounds: Grounds, stub: Stub
) -> None:
    script = """
start()
late = hear()
done("first")
say(type="command_lifecycle", command_uuid=late["uuid"], state="queued")
say(type="command_lifecycle", command_uuid=late["uuid"], state="started")
init()
done("second, about " + late["message"]["content"])
"""
    async with talking(grounds, stub(script)) as session:
        assert await session.steer("the weather")
        events = [event async for event in session.events()]
        assert ended(events).text == "second, about the weather"
        assert ended(events).usage.turns == 2
        assert not await session.steer("too late")


async def test_a_message_that_is_never_taken_does_not_keep_the_answer_back(
    grounds: Grounds, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "STEERING_SECONDS", 0.2)
    async with talking(grounds, stub('start(); hear(); done("first"); hear()')) as session:
        assert await session.steer("the weather")
        assert ended([event async for event in session.events()]).text == "first"


async def test_an_agent_that_does_not_listen_is_killed(
    grounds: Grounds, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "INTERRUPT_SECONDS", 0.2)
    script = "signal.signal(signal.SIGTERM, signal.SIG_IGN); start(); time.sleep(600)"
    async with talking(grounds, stub(script)) as session:
        events = session.events()
        while not isinstance(await anext(events), SessionStarted):
            pass
        await session.interrupt()
        assert (await anext(events)) == Ended(Ending.CANCELLED, "stopped")


async def test_an_agent_interrupted_before_its_prompt_never_gets_it(
    grounds: Grounds, stub: Stub
) -> None:
    script = """
hello = hear()
time.sleep(0.3)
assert hear()["request"]["subtype"] == "interrupt"
say(type="control_response", response={
    "subtype": "success", "request_id": hello["request_id"], "response": GREETING})
done("worked on: " + str(sys.stdin.readline()))
"""
    async with talking(grounds, stub(script)) as session:
        await session.interrupt()
        assert ended([event async for event in session.events()]).ending is Ending.CANCELLED
