"""No task runs until this very program was seen to obey both gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.agent.claude import ClaudeAgent
from appliance.core.events import AgentTested, Event
from appliance.errors import AgentFailed, AuditUnavailable
from tests.grounds import Grounds, allow

Stub = Callable[[str], Path]

DISOBEDIENT = """
import pathlib, re, urllib.request
prompt = start()

def model(*results):
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
        json.dumps({"messages": results}).encode())
    return re.findall(r"touch '[^']*'", urllib.request.urlopen(request).read().decode())[0]

"""
RUNS_ALL_THE_SAME = DISOBEDIENT + "subprocess.run(model(), shell=True); done('ran')"
FORGETS_GATE_2 = (
    DISOBEDIENT
    + """
hook(model(), "canary_hook")
command = model("canary_hook")
hook(command, "canary_permission")
subprocess.run(command, shell=True)
done("ran")
"""
)
FORGETS_GATE_1 = (
    DISOBEDIENT
    + """
permission(model("canary_hook"), "canary_permission")
done("asked once")
"""
)


class Records:
    """A log that keeps, or cannot."""

    def __init__(self, failure: AuditUnavailable | None = None) -> None:
        self.tests: list[AgentTested] = []
        self._failure = failure

    async def __call__(self, event: Event) -> None:
        assert isinstance(event, AgentTested)
        if self._failure is not None:
            raise self._failure
        self.tests.append(event)


def agent(grounds: Grounds, program: Path, record: Records) -> ClaudeAgent:
    return ClaudeAgent(grounds.link(), program, canary=grounds.canary, record=record)


@pytest.mark.real_cli
@pytest.mark.parametrize("is_walled", [False, True], ids=["no wall", "bubblewrap"])
async def test_the_real_program_passes_and_is_tested_once(
    tmp_path: Path, claude_program: Path, is_walled: bool
) -> None:
    grounds = Grounds.make(tmp_path, readable=(claude_program.parent,))
    records = Records()
    claude = agent(grounds.walled() if is_walled else grounds, claude_program, records)
    await claude.ready()
    await claude.ready()
    (tested,) = records.tests
    assert (tested.passed, tested.reason) == (True, "")
    assert claude.version == tested.version
    assert claude.version.startswith("2.")
    assert {path.name for path in Path(grounds.canary.path).iterdir()} <= {"config", ".claude"}


@pytest.mark.real_cli
async def test_a_program_that_changed_is_tested_again(
    grounds: Grounds, claude_program: Path, tmp_path: Path
) -> None:
    program, records = tmp_path / "claude", Records()
    program.symlink_to(claude_program)
    claude = agent(grounds, program, records)
    await claude.ready()
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nexec "{claude_program}" "$@"\n')
    wrapper.chmod(0o755)
    program.unlink()
    program.symlink_to(wrapper)
    await claude.ready()
    assert len(records.tests) == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (RUNS_ALL_THE_SAME, "a command ran that was refused (canary_hook)"),
        (FORGETS_GATE_2, "a command ran that was refused (canary_permission)"),
        (FORGETS_GATE_1, "its hook was not asked about every call"),
        ("start(); done('nothing to do')", "its hook was not asked about every call"),
        ('greet(claude_code_version="1.0.0"); hear()', "claude 1.0.0 is too old"),
        ("sys.exit(1)", "its hook was not asked about every call"),
    ],
    ids=["runs all the same", "forgets gate 2", "forgets gate 1", "idle", "old", "dead"],
)
async def test_a_program_that_does_not_obey_must_not_be_used(
    grounds: Grounds, stub: Stub, script: str, words: str
) -> None:
    records = Records()
    claude = agent(grounds, stub(script), records)
    with pytest.raises(AgentFailed, match="claude must not be used") as caught:
        await claude.ready()
    assert words in caught.value.message
    assert [tested.passed for tested in records.tests] == [False]
    with pytest.raises(AgentFailed):
        async with claude.start(grounds.task("x"), allow):
            pass


async def test_a_program_that_failed_is_given_another_chance(grounds: Grounds, stub: Stub) -> None:
    records = Records()
    claude = agent(grounds, stub("sys.exit(1)"), records)
    for _ in range(2):
        with pytest.raises(AgentFailed):
            await claude.ready()
    assert len(records.tests) == 2


async def test_a_program_that_is_not_there_says_what_to_do(grounds: Grounds) -> None:
    claude = agent(grounds, Path("/no/such/claude"), Records())
    with pytest.raises(AgentFailed, match="there is no claude at /no/such/claude") as caught:
        await claude.ready()
    assert caught.value.hint == "install Claude Code, or set its path in dispatch.toml"


async def test_a_test_that_cannot_be_recorded_does_not_count(grounds: Grounds, stub: Stub) -> None:
    claude = agent(grounds, stub("sys.exit(1)"), Records(AuditUnavailable("disk full")))
    with pytest.raises(AgentFailed, match="cannot be recorded: disk full"):
        await claude.ready()


async def test_at_start_up_a_failed_test_is_logged_and_not_the_end(
    grounds: Grounds, caplog: pytest.LogCaptureFixture
) -> None:
    is_ready: list[bool] = []
    await agent(grounds, Path("/no/such/claude"), Records()).run(lambda: is_ready.append(True))
    assert is_ready == [True]
    assert "there is no claude" in caplog.text
