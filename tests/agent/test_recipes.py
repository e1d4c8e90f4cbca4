"""Recipes run without AI: their output is the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.recipes import MAX_OUTPUT, RecipeAgent, as_answer
from appliance.core.model import Ceiling, Ended, Ending, Isolation, Program, Prompt, TaskStarted
from appliance.errors import AgentFailed
from tests.grounds import Grounds, refuse


def program(*argv: str, directory: str = "", tail_lines: int = 200) -> Program:
    return Program("test", argv, directory, tail_lines)


async def ran(grounds: Grounds, work: Program, *, timeout_seconds: int = 20) -> Ended:
    task = grounds.task(work, timeout_seconds=timeout_seconds)
    async with RecipeAgent(grounds.link()).start(task, refuse) as session:
        started, ended = [event async for event in session.events()]
        assert isinstance(started, TaskStarted)
        assert isinstance(ended, Ended)
        assert not await session.steer("hello?")
        return ended


async def test_output_and_errors_are_the_answer(grounds: Grounds) -> None:
    ended = await ran(grounds, program("sh", "-c", "echo out; echo err >&2"))
    assert ended.ending is Ending.SUCCEEDED
    assert ended.text == "```\nout\nerr\n```"


async def test_another_exit_status_is_a_failure_unless_it_is_declared(grounds: Grounds) -> None:
    assert (await ran(grounds, program("false"))).ending is Ending.FAILED
    declared = Program("grep", ("false",), "", ok_statuses=(0, 1))
    assert (await ran(grounds, declared)).ending is Ending.SUCCEEDED


async def test_a_recipe_without_output_answers_with_its_status_unless_that_is_0(
    grounds: Grounds,
) -> None:
    assert (await ran(grounds, program("true"))).text == ""
    assert (await ran(grounds, program("false"))).text == "exit status 1"


async def test_only_the_last_lines_are_shown_and_that_is_said(grounds: Grounds) -> None:
    ended = await ran(grounds, program("seq", "1000", tail_lines=2))
    assert ended.text == "```\n999\n1000\n```\nthe last 2 lines of 1000"


async def test_endless_output_is_read_and_only_its_end_is_kept(grounds: Grounds) -> None:
    script = f"yes | head -c {3 * MAX_OUTPUT}; echo end"
    ended = await ran(grounds, program("sh", "-c", script, tail_lines=10**9))
    assert len(ended.text) < MAX_OUTPUT + 200
    assert "end\n```" in ended.text


async def test_a_recipe_has_no_input_to_wait_for(grounds: Grounds) -> None:
    assert (await ran(grounds, program("cat"))).ending is Ending.SUCCEEDED


async def test_a_recipe_runs_in_its_directory(grounds: Grounds) -> None:
    inside = Path(grounds.project.path, "sub")
    inside.mkdir()
    assert str(inside) in (await ran(grounds, program("pwd", directory=str(inside)))).text


async def test_a_recipe_that_takes_too_long_is_stopped_and_shows_what_it_said(
    grounds: Grounds,
) -> None:
    script = "echo so far; exec sleep 600"
    ended = await ran(grounds, program("sh", "-c", script), timeout_seconds=1)
    assert ended.ending is Ending.TIMED_OUT
    assert ended.text == "```\nso far\n```\nstopped after 1 s, its time limit"


async def test_a_recipe_that_takes_too_much_memory_is_stopped_and_says_so(
    grounds: Grounds,
) -> None:
    modest = replace(grounds.project, ceiling=Ceiling(memory_bytes=64 * 1024**2))
    hungry = program("python3", "-c", "block = bytearray(2**28); __import__('signal').pause()")
    ended = await ran(replace(grounds, project=modest), hungry)
    assert ended.ending is Ending.FAILED
    assert "used more than 64 MiB of memory" in ended.text


async def test_a_recipe_that_was_killed_says_so(grounds: Grounds) -> None:
    assert "killed (signal 9)" in (await ran(grounds, program("sh", "-c", "kill -9 $$"))).text


async def test_an_interrupted_recipe_is_cancelled(grounds: Grounds) -> None:
    task = grounds.task(program("sleep", "600"))
    async with RecipeAgent(grounds.link()).start(task, refuse) as session:
        await session.interrupt()
        *_, ended = [event async for event in session.events()]
        assert isinstance(ended, Ended)
        assert ended.ending is Ending.CANCELLED


async def test_arguments_are_never_read_by_a_shell(grounds: Grounds) -> None:
    ended = await ran(grounds, program("echo", "$(id); `id` && id | cat > x"))
    assert "$(id); `id` && id | cat > x" in ended.text


async def test_a_prompt_is_no_recipe(grounds: Grounds) -> None:
    agent = RecipeAgent(grounds.link())
    await agent.ready()
    with pytest.raises(AgentFailed, match="recipe is needed"):
        async with agent.start(grounds.task(Prompt("hi")), refuse):
            pass


async def test_a_recipe_runs_behind_the_same_wall(grounds: Grounds) -> None:
    task = grounds.task(program("true"))
    async with RecipeAgent(grounds.walled().link()).start(task, refuse) as session:
        started = await anext(session.events())
        assert isinstance(started, TaskStarted)
        assert started.isolation is Isolation.BUBBLEWRAP


@given(st.text(alphabet="`a\n", max_size=40), st.integers(1, 5))
@settings(max_examples=100)
def test_no_output_can_end_its_block_early(output: str, tail_lines: int) -> None:
    answer = as_answer(output.encode(), tail_lines, "exit status 0")
    fence, *inside = answer.splitlines()
    if inside:
        assert inside[-2] == fence
        assert not any(fence in line for line in inside[:-2])
