"""The real Claude Code, against a scripted Messages API on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.agent.claude import ClaudeAgent
from appliance.agent.program import Account
from appliance.agent.task_link import Secret
from appliance.core.model import (
    Ended,
    Ending,
    Proceed,
    Program,
    Prompt,
    Refuse,
    Retrying,
    Said,
    SessionStarted,
    Task,
    TaskEvent,
    TaskStarted,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Used,
    Verdict,
)
from appliance.errors import AgentFailed
from appliance.ports import Judge
from appliance.task.processes import descendants, send
from tests.emulators.anthropic import Anthropic, ApiError, Call, Turn, mentions, returned, says
from tests.grounds import (
    KEY,
    LEVELS,
    Grounds,
    allow,
    command_line,
    marked_processes,
    nowhere,
    refuse,
)

pytestmark = pytest.mark.real_cli

KEY_VARIABLE = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
SPY = """
import os, re, sys
from contextlib import suppress

key, found = "".join(sys.argv[1:]).encode(), []

def look(path, flags=0):
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | flags)
        while chunk := os.read(descriptor, 1 << 20):
            found.append(chunk)

def look_into(process):
    with suppress(OSError), open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in open(f"/proc/{process}/maps"):
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if "rw" in line:
                for at in range(start, end, 1 << 20):
                    with suppress(OSError):
                        memory.seek(at)
                        found.append(b"x" if key in memory.read(min(1 << 20, end - at)) else b"")

agent = os.environ["CLAUDE_PID"]
capabilities = re.search(r"CapEff:\\s*(\\w+)", open("/proc/self/status").read())[1]
if int(capabilities, 16) == 0:  # without a wall, root may look into everybody
    look_into(agent)
for process in (agent, str(os.getppid()), "self"):
    look(f"/proc/{process}/environ")
    look(f"/proc/{process}/cmdline")
with suppress(PermissionError):
    variables = open(f"/proc/{agent}/environ").read().split("\\0")
    (number,) = [v.split("=")[1] for v in variables if "KEY_FILE_DESCRIPTOR" in v]
    look(f"/proc/{agent}/fd/{number}", os.O_NONBLOCK)
    look(f"/proc/self/fd/{number}", os.O_NONBLOCK)
for top in (os.path.expanduser("~"), os.environ["TMPDIR"]):
    for place, _, names in os.walk(top):
        for name in names:
            look(os.path.join(place, name))
print("LEAKED" if key in b"".join(found) else "safe", len(found))
"""


def bash(command: str) -> Call:
    return Call("Bash", {"command": command, "description": "a test"})


class Desk:
    """Agents around the real program, each with an API that follows its turns."""

    def __init__(self, grounds: Grounds, program: Path, stack: AsyncExitStack) -> None:
        self.grounds = grounds
        self._program = program
        self._stack = stack

    async def agent(
        self, *turns: Turn, api_key: str = KEY, key: str | None = KEY, retry_seconds: float = 60
    ) -> tuple[ClaudeAgent, Anthropic]:
        """`api_key` is what the API accepts, `key` what the agent has."""
        api = await self._stack.enter_async_context(Anthropic(*turns, key=api_key))
        secret = Secret(KEY_VARIABLE, key.encode()) if key else None
        account = Account(key=secret, api_base_url=api.url)
        agent = ClaudeAgent(
            self.grounds.link(),
            self._program,
            canary=self.grounds.canary,
            record=nowhere,
            account=account,
            retry_seconds=retry_seconds,
        )
        return agent, api

    async def heard(self, agent: ClaudeAgent, task: Task, judge: Judge = allow) -> list[TaskEvent]:
        async with agent.start(task, judge) as session:
            return [event async for event in session.events()]


@pytest.fixture(params=LEVELS)
async def walled_or_not(
    request: pytest.FixtureRequest, tmp_path: Path, claude_program: Path
) -> AsyncIterator[Desk]:
    grounds = Grounds.make(tmp_path, readable=(claude_program.parent,))
    async with AsyncExitStack() as stack:
        yield Desk(grounds.at(request.param), claude_program, stack)


@pytest.fixture
async def desk(tmp_path: Path, claude_program: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(Grounds.make(tmp_path), claude_program, stack)


def ended(events: list[TaskEvent]) -> Ended:
    assert [isinstance(event, Ended) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Ended)
    return last


async def test_it_reads_writes_and_runs_what_is_allowed_and_answers(walled_or_not: Desk) -> None:
    desk = walled_or_not
    file = Path(desk.grounds.project.path, "note.txt")
    agent, api = await desk.agent(
        Turn("I write.", (Call("Write", {"file_path": str(file), "content": "hello\n"}),)),
        Turn(calls=(bash("cat note.txt"),)),
        Turn("The note says hello."),
    )
    judged: list[ToolCall] = []

    async def judge(call: ToolCall) -> Verdict:
        judged.append(call)
        return await allow(call)

    events = await desk.heard(agent, desk.grounds.task("write a note"), judge)
    assert [type(event) for event in events if not isinstance(event, Used)] == [
        *(TaskStarted, SessionStarted, Said),
        *(ToolStarted, ToolFinished, ToolStarted, ToolFinished),
        *(Said, Ended),
    ]
    assert [call.tool for call in judged] == ["Write", "Bash"]
    assert {call.cwd for call in judged} == {desk.grounds.project.path}
    assert file.read_text() == "hello\n"
    assert ended(events).ending is Ending.SUCCEEDED
    assert ended(events).text == "The note says hello."
    assert ended(events).usage.turns == 3
    assert ended(events).usage.input_tokens == 300
    assert ended(events).usage.output_tokens == 30
    assert ended(events).usage.cost_microdollars > 0
    assert not api.unused


async def test_a_refused_call_does_not_run_and_the_model_is_told_why(desk: Desk) -> None:
    agent, api = await desk.agent(Turn(calls=(bash("touch x"),)), Turn("As you wish."))

    async def judge(_call: ToolCall) -> Verdict:
        return Refuse("rule 7 forbids it")

    events = await desk.heard(agent, desk.grounds.task("touch x"), judge)
    assert not Path(desk.grounds.project.path, "x").exists()
    assert not any(isinstance(event, ToolStarted | ToolFinished) for event in events)
    assert "rule 7 forbids it" in api.requests[-1].result_text
    assert ended(events).text == "As you wish."


async def test_a_harmless_command_is_judged_too(desk: Desk) -> None:
    agent, _ = await desk.agent(Turn(calls=(bash("ls"),)), Turn("ok"))
    events = await desk.heard(agent, desk.grounds.task("ls"), refuse)
    assert not any(isinstance(event, ToolStarted) for event in events)


async def test_what_the_judge_hands_back_is_what_runs(desk: Desk) -> None:
    async def judge(call: ToolCall) -> Verdict:
        return Proceed({**call.input, "command": "echo 'in our words'"})

    agent, api = await desk.agent(Turn(calls=(bash("echo 'in its words'"),)), Turn("ok"))
    events = await desk.heard(agent, desk.grounds.task("say it"), judge)
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    assert started.call.input["command"] == "echo 'in our words'"
    assert api.requests[-1].result_text.strip() == "in our words"


async def test_a_message_steers_the_running_turn(desk: Desk) -> None:
    agent, api = await desk.agent(
        Turn(calls=(bash("true"),)), Turn("In French then.", when=mentions("en français"))
    )
    async with AsyncExitStack() as stack:
        told = asyncio.Event()

        async def judge(call: ToolCall) -> Verdict:
            await told.wait()
            return await allow(call)

        session = await stack.enter_async_context(
            agent.start(desk.grounds.task("describe it"), judge)
        )
        await api.asked()
        assert await session.steer("en français, please")
        told.set()
        events = [event async for event in session.events()]
    assert ended(events).text == "In French then."
    assert not api.unused


async def test_a_message_that_came_too_late_for_its_turn_gets_another_one(desk: Desk) -> None:
    hold = asyncio.Event()
    agent, api = await desk.agent(
        Turn("first", hold=hold), Turn("second", when=says("one more thing"))
    )
    async with agent.start(desk.grounds.task("hello"), allow) as session:
        await api.asked()
        assert await session.steer("one more thing")
        hold.set()
        events = [event async for event in session.events()]
    assert ended(events).text == "second"


async def test_an_interrupt_ends_it_while_the_model_thinks(desk: Desk) -> None:
    agent, api = await desk.agent(Turn("never said", hold=asyncio.Event()))
    async with agent.start(desk.grounds.task("think"), allow) as session:
        await api.asked()
        async with asyncio.timeout(2):
            await session.interrupt()
        events = [event async for event in session.events()]
        assert not await session.steer("hello?")
    assert ended(events).ending is Ending.CANCELLED


async def test_an_interrupt_withdraws_a_call_that_waits_for_approval(desk: Desk) -> None:
    agent, _ = await desk.agent(Turn(calls=(bash("touch x"),)))
    asked, is_withdrawn = asyncio.Event(), asyncio.Event()

    async def judge(_call: ToolCall) -> Verdict:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_withdrawn.set()
        raise AssertionError

    async with agent.start(desk.grounds.task("touch"), judge) as session:
        await asked.wait()
        await session.interrupt()
        events = [event async for event in session.events()]
    assert is_withdrawn.is_set()
    assert ended(events).ending is Ending.CANCELLED
    assert not Path(desk.grounds.project.path, "x").exists()


async def test_a_session_can_be_resumed_but_not_twice_at_once(walled_or_not: Desk) -> None:
    desk = walled_or_not
    hold = asyncio.Event()
    agent, api = await desk.agent(Turn("Noted."), Turn("It was 47.", hold=hold))
    first = await desk.heard(agent, desk.grounds.task("the number is 47"))
    session_id = next(event.session for event in first if isinstance(event, SessionStarted))
    again = desk.grounds.task(Prompt("which number?", session=session_id))
    async with agent.start(again, allow) as session:
        await api.asked(2)
        with pytest.raises(AgentFailed, match="another job is working in this session"):
            async with agent.start(again, allow):
                pass
        hold.set()
        second = [event async for event in session.events()]
    assert ended(second).text == "It was 47."
    assert SessionStarted(session_id, "claude-opus-5-5") in second or any(
        isinstance(event, SessionStarted) and event.session == session_id for event in second
    )
    assert "the number is 47" in api.requests[-1].text
    third = await desk.heard(agent, again)
    assert ended(third).ending is Ending.SUCCEEDED


async def test_a_session_nobody_knows_is_a_failure_that_offers_a_fresh_start(desk: Desk) -> None:
    agent, _ = await desk.agent()
    unknown = Prompt("go on", session="11111111-1111-4111-8111-111111111111")
    last = ended(await desk.heard(agent, desk.grounds.task(unknown)))
    assert last.ending is Ending.FAILED
    assert "start afresh with /new" in last.text


async def test_a_session_that_is_none_never_reaches_the_command_line(desk: Desk) -> None:
    agent, _ = await desk.agent()
    with pytest.raises(AgentFailed, match="not a session"):
        await desk.heard(agent, desk.grounds.task(Prompt("x", session="--bare")))


async def test_the_model_is_the_one_that_was_asked_for(desk: Desk) -> None:
    agent, api = await desk.agent(Turn("ok"))
    prompt = Prompt("x", model="claude-sonnet-4-5")
    events = await desk.heard(agent, desk.grounds.task(prompt))
    assert api.requests[0].body["model"].startswith("claude-sonnet-4-5")
    assert any(isinstance(event, SessionStarted) and "sonnet" in event.model for event in events)


async def test_turns_that_are_used_up_end_it(desk: Desk) -> None:
    agent, _ = await desk.agent(Turn(calls=(bash("true"),), times=9))
    last = ended(await desk.heard(agent, desk.grounds.task(Prompt("loop", max_turns=2))))
    assert last.ending is Ending.FAILED
    assert "used up its" in last.text


async def test_time_that_is_over_ends_it_with_everything_it_started(walled_or_not: Desk) -> None:
    desk = walled_or_not
    script = Path(desk.grounds.project.path, "forever.py")
    script.write_text("import os, time\nos.setsid() if os.fork() == 0 else 0\ntime.sleep(600)\n")
    agent, _ = await desk.agent(Turn(calls=(bash(f"python3 {script}"),)))
    await agent.ready()
    task = desk.grounds.task("run it", timeout_seconds=2)
    last = ended(await desk.heard(agent, task))
    assert last.ending is Ending.TIMED_OUT
    assert marked_processes(str(script)) == []


async def test_an_overloaded_api_is_retried_told_and_a_failure_in_the_end(desk: Desk) -> None:
    error = ApiError(529, "overloaded_error", "Overloaded")
    agent, _ = await desk.agent(Turn(error=error, times=99))
    events = await desk.heard(agent, desk.grounds.task("x"))
    assert Retrying("the model's API answers 529 (overloaded)") in events
    assert ended(events).ending is Ending.FAILED
    assert "529" in ended(events).text


async def test_an_api_that_was_down_for_a_moment_does_not_matter(desk: Desk) -> None:
    agent, _ = await desk.agent(Turn(error=ApiError(500)), Turn("back again"))
    events = await desk.heard(agent, desk.grounds.task("x"))
    assert any(isinstance(event, Retrying) for event in events)
    assert ended(events).text == "back again"


async def test_a_refused_login_is_given_up_with_a_clear_sentence(desk: Desk) -> None:
    agent, _ = await desk.agent(api_key="another key", retry_seconds=0.3)
    last = ended(await desk.heard(agent, desk.grounds.task("x")))
    assert last.ending is Ending.FAILED
    assert "401" in last.text


async def test_without_a_login_it_says_what_to_do(desk: Desk) -> None:
    agent, api = await desk.agent(key=None)
    last = ended(await desk.heard(agent, desk.grounds.task("x")))
    assert last.ending is Ending.FAILED
    assert "not logged in: run `claude`" in last.text
    assert api.requests == []


async def test_an_empty_answer_is_a_failure(desk: Desk) -> None:
    agent, _ = await desk.agent(Turn(""), Turn(""))
    last = ended(await desk.heard(agent, desk.grounds.task("x")))
    assert last.ending is Ending.FAILED
    assert "start afresh" in last.text


@pytest.mark.crash
async def test_a_killed_agent_says_so_and_leaves_nothing(walled_or_not: Desk) -> None:
    desk = walled_or_not
    agent, api = await desk.agent(Turn("never said", hold=asyncio.Event()))
    async with agent.start(desk.grounds.task("x"), allow) as session:
        await api.asked()
        await _kill(str(desk.grounds.project.path), "stream-json")
        last = ended([event async for event in session.events()])
    assert last.ending is Ending.FAILED
    assert "was killed (signal 9)" in last.text


async def _kill(*marks: str) -> None:
    """Kill our own agent process, not a wrapper around it."""
    for pid in descendants(os.getpid()):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        is_agent = words[0].endswith("claude.exe") or words[0].endswith("claude")
        if is_agent and all(any(mark in word for word in words) for mark in marks):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.crash
async def test_a_killed_launcher_ends_the_task_and_everything_in_it(walled_or_not: Desk) -> None:
    desk = walled_or_not
    agent, api = await desk.agent(Turn("never said", hold=asyncio.Event()))
    await agent.ready()
    async with agent.start(desk.grounds.task("x"), allow) as session:
        await api.asked()
        launchers = [p for p in descendants(os.getpid()) if "appliance/task" in command_line(p)]
        send(signal.SIGKILL, launchers)  # those forked ahead die with theirs
        last = ended([event async for event in session.events()])
        assert "launcher was killed" in last.text
    assert marked_processes(f"--add-dir={desk.grounds.project.path}") == []


async def test_its_environment_is_exactly_the_allow_list(desk: Desk) -> None:
    agent, api = await desk.agent(
        Turn(calls=(bash("tr '\\0' '\\n' < /proc/$PPID/environ | cut -d= -f1 | sort"),)),
        Turn("ok"),
    )
    await desk.heard(agent, desk.grounds.task("x"))
    assert api.requests[-1].result_text.split() == [
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD",
        "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_MAX_RETRIES",
        "CLAUDE_CODE_TMPDIR",
        "DISABLE_AUTOUPDATER",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_0",
        "GIT_CONFIG_VALUE_0",
        "HOME",
        "LANG",
        "LD_PRELOAD",
        "PATH",
        "TERM",
        "TMPDIR",
    ]


async def test_the_key_reaches_the_api_and_nothing_the_agent_runs(walled_or_not: Desk) -> None:
    desk = walled_or_not
    Path(desk.grounds.project.path, "spy.py").write_text(SPY)
    agent, api = await desk.agent(
        Turn(calls=(bash(f"python3 spy.py {KEY[:5]} {KEY[5:]}"),)), Turn("ok")
    )
    await desk.heard(agent, desk.grounds.task("x"))
    assert {asked.key for asked in api.requests} == {KEY}
    assert api.requests[-1].result_text.startswith("safe "), api.requests[-1].result_text


async def test_what_keeps_the_key_is_not_loaded_by_what_the_agent_runs(desk: Desk) -> None:
    agent, api = await desk.agent(Turn(calls=(bash('echo "[$LD_PRELOAD]"'),)), Turn("ok"))
    await desk.heard(agent, desk.grounds.task("x"))
    assert api.requests[-1].result_text == "[]"


async def test_a_sub_agents_calls_pass_the_same_gates(desk: Desk) -> None:
    agent, api = await desk.agent(
        Turn(
            calls=(
                Call(
                    "Agent",
                    {"description": "t", "prompt": "TOUCH IT", "subagent_type": "general-purpose"},
                ),
            ),
            when=says("delegate"),
        ),
        Turn(calls=(bash("touch by-sub-agent"),), when=says("TOUCH IT")),
        Turn("sub done", when=returned("not in this test")),
        Turn("all done"),
    )
    judged: list[str] = []

    async def judge(call: ToolCall) -> Verdict:
        judged.append(call.tool)
        return await (refuse if call.tool == "Bash" else allow)(call)

    events = await desk.heard(agent, desk.grounds.task("delegate"), judge)
    assert judged == ["Agent", "Bash"]
    assert not Path(desk.grounds.project.path, "by-sub-agent").exists()
    assert ended(events).ending is Ending.SUCCEEDED
    assert not api.unused


async def test_a_recipe_is_no_prompt(desk: Desk) -> None:
    agent, _ = await desk.agent()
    recipe = replace(desk.grounds.task("x"), work=Program("x", ("true",), ""))
    with pytest.raises(AgentFailed, match="recipes have a runner"):
        await desk.heard(agent, recipe)
