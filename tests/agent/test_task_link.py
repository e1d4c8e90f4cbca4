"""The link keeps a launcher waiting, hands tasks over whole, and leaves nothing behind.

All of it holds whether launchers are children of ours or somebody else's.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from appliance.agent.beside import Beside
from appliance.agent.launchers import ChildLaunchers, ConnectedLaunchers, Launchers
from appliance.agent.task_link import MAX_SECRET, Launch, Secret, TaskExited, TaskLink
from appliance.core.model import Isolation
from appliance.errors import AgentFailed, SandboxRefused
from appliance.task.processes import descendants, processes
from tests.grounds import LEVELS, Grounds, command_line, marked_processes

ROOT = Path(__file__).parents[2]
INETD = "emulators/inetd.py"
KEY_VARIABLE = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
DETACHED = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(1, b"detached\\n")
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


def shell(script: str) -> Launch:
    return Launch(("sh", "-c", script), {})


@pytest.fixture(params=["children", "connections"])
async def links(request: pytest.FixtureRequest, grounds: Grounds) -> AsyncIterator[Launchers]:
    """Both places where launchers come from."""
    if request.param == "children":
        yield ChildLaunchers(grounds.launcher)
        return
    path = Path(grounds.home, "socket")
    async with inetd(path, grounds.launcher):
        yield ConnectedLaunchers(path)


@pytest.fixture
async def link(links: Launchers) -> AsyncIterator[TaskLink]:
    """One with a launcher in waiting."""
    link, ready = TaskLink(links), asyncio.Event()
    async with Beside(link.run(ready.set)):
        await ready.wait()
        # exec(2) wakes us before /proc shows its words
        await until(launchers, within_seconds=5)
        yield link


@asynccontextmanager
async def inetd(path: Path, command: tuple[str, ...]) -> AsyncIterator[None]:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "tests/emulators/inetd.py"), str(path), *command),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert server.stdout is not None
    assert await server.stdout.readline() == b"listening\n"
    try:
        yield
    finally:
        server.kill()
        await server.wait()


def launchers() -> set[int]:
    """Processes below us that run the launcher, those that wait and those that work."""
    lines = {pid: command_line(pid) for pid in descendants(os.getpid())}
    found = {pid for pid, line in lines.items() if "appliance/task" in line and INETD not in line}
    return found - {process.pid for process in processes() if process.parent in found}


def who_run(command: tuple[str, ...]) -> list[str]:
    """The command lines of those that run it, orphans too."""
    return [line for line in marked_processes(" ".join(command)) if INETD not in line]


async def until(holds: Callable[[], object], within_seconds: float = 1.0) -> None:
    """Wait for what no event tells."""
    async with asyncio.timeout(within_seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def test_output_errors_and_the_exit_status_come_apart(
    link: TaskLink, grounds: Grounds
) -> None:
    launch = Launch(("sh", "-c", "cat; echo bad >&2; exit 3"), {}, has_own_stderr=True)
    async with link.start(grounds.task("x"), launch) as running:
        running.stdin.write(b"good")
        running.stdin.close()
        assert await running.stdout.read() == b"good"
        assert await running.stderr.read() == b"bad\n"
        assert await running.exited() == TaskExited(3, 0)


async def test_output_and_errors_may_come_together_in_their_order(
    link: TaskLink, grounds: Grounds
) -> None:
    async with link.start(grounds.task("x"), shell("echo 1; echo 2 >&2; echo 3")) as running:
        assert await running.stdout.read() == b"1\n2\n3\n"
        assert await running.stderr.read() == b""


async def test_the_launcher_in_waiting_is_taken_and_replaced(
    link: TaskLink, grounds: Grounds
) -> None:
    (waiting,) = launchers()
    async with link.start(grounds.task("x"), shell("cat")) as running:
        assert running.pid in descendants(waiting)
        await until(lambda: len(launchers()) == 2)
    await until(lambda: launchers() and waiting not in launchers())


async def test_a_launcher_that_died_waiting_is_replaced_at_once(
    link: TaskLink, grounds: Grounds
) -> None:
    (waiting,) = launchers()
    os.kill(waiting, signal.SIGKILL)
    # those it has just forked hold its end of the socket for a moment longer
    await until(lambda: not who_run(grounds.launcher))
    async with link.start(grounds.task("x"), shell("echo fine")) as running:
        assert await running.stdout.read() == b"fine\n"


async def test_a_launcher_that_dies_with_the_header_in_its_hands_is_not_replaced(
    link: TaskLink, grounds: Grounds
) -> None:
    """It may have started the task: what may have run must not run twice."""
    (waiting,) = launchers()
    os.kill(waiting, signal.SIGSTOP)
    asyncio.get_running_loop().call_later(0.05, os.kill, waiting, signal.SIGKILL)
    with pytest.raises(AgentFailed, match="died before it answered"):
        async with link.start(grounds.task("x"), shell("touch ran")):
            pass
    assert not Path(grounds.project.path, "ran").exists()


async def test_without_a_launcher_in_waiting_a_task_starts_all_the_same(
    links: Launchers, grounds: Grounds
) -> None:
    async with TaskLink(links).start(grounds.task("x"), shell("echo fine")) as running:
        assert await running.stdout.read() == b"fine\n"
    assert launchers() == set()


async def test_who_gives_up_while_the_pipes_are_opened_leaves_none_open(
    link: TaskLink, grounds: Grounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def give_up(_: object, pipe: BinaryIO) -> None:
        pipe.close()
        raise asyncio.CancelledError

    monkeypatch.setattr(asyncio.get_running_loop(), "connect_read_pipe", give_up)
    with pytest.raises(asyncio.CancelledError):
        async with link.start(grounds.task("x"), shell("sleep 600")):
            pass
    gc.collect()  # a writer left open would say so


async def test_leaving_ends_the_task_and_everything_below_it(
    link: TaskLink, grounds: Grounds
) -> None:
    script = Path(grounds.project.path, "leave.py")
    script.write_text(DETACHED)
    async with link.start(grounds.task("x"), Launch(("python3", str(script)), {})) as running:
        assert await running.stdout.readline() == b"detached\n"
    assert marked_processes(str(script)) == []


async def test_what_the_launcher_refuses_is_an_error_of_its_kind(
    link: TaskLink, grounds: Grounds
) -> None:
    walled = grounds.task("x", minimum_isolation=Isolation.BUBBLEWRAP)
    with pytest.raises(SandboxRefused, match="needs isolation bubblewrap"):
        async with link.start(walled, shell("true")):
            pass
    with pytest.raises(AgentFailed, match="there is no program"):
        async with link.start(grounds.task("x"), Launch(("no-such-program",), {})):
            pass


async def test_a_command_that_is_too_long_is_an_error_before_anything_starts(
    link: TaskLink, grounds: Grounds
) -> None:
    with pytest.raises(AgentFailed, match="more than 65536"):
        async with link.start(grounds.task("x"), shell("x" * 70_000)):
            pass


async def test_a_launcher_that_cannot_be_started_is_an_error(grounds: Grounds) -> None:
    for command in (("/no/such/program",), ("true",), ("sh", "-c", "echo hi >&0")):
        with pytest.raises(AgentFailed, match="launcher"):
            async with TaskLink(ChildLaunchers(command)).start(grounds.task("x"), shell("true")):
                pass


async def test_a_key_comes_by_descriptor_and_never_by_name(
    link: TaskLink, grounds: Grounds
) -> None:
    secret = Secret(KEY_VARIABLE, b"key-4711")
    launch = Launch(("sh", "-c", f'env; cat <&"${KEY_VARIABLE}"'), {}, secret=secret)
    assert "4711" not in repr(launch)
    async with link.start(grounds.task("x"), launch) as running:
        output = await running.stdout.read()
    assert output.count(b"key-4711") == 1
    assert output.endswith(b"key-4711")


async def test_a_key_that_is_no_key_is_refused(link: TaskLink, grounds: Grounds) -> None:
    secret = Secret(KEY_VARIABLE, b"x" * (MAX_SECRET + 1))
    with pytest.raises(AgentFailed, match="key is longer"):
        async with link.start(grounds.task("x"), Launch(("true",), {}, secret=secret)):
            pass


async def test_no_descriptor_is_left_open(link: TaskLink, grounds: Grounds) -> None:
    async def once() -> int:
        async with link.start(grounds.task("x"), shell("true")) as running:
            await running.exited()
        await until(lambda: len(launchers()) == 1)
        return len(list(Path("/proc/self/fd").iterdir()))

    first = await once()
    assert [await once() for _ in range(3)] == [first] * 3


# who is killed, and who is not


@pytest.mark.crash
async def test_a_killed_launcher_is_told_and_its_orphans_end(
    link: TaskLink, grounds: Grounds
) -> None:
    script = Path(grounds.project.path, "orphan.py")
    script.write_text(DETACHED)
    (waiting,) = launchers()
    async with link.start(grounds.task("x"), Launch(("python3", str(script)), {})) as running:
        assert await running.stdout.readline() == b"detached\n"
        os.kill(waiting, signal.SIGKILL)
        with pytest.raises(AgentFailed, match="launcher was killed"):
            await running.exited()
        assert await running.stdout.read() == b""
        assert marked_processes(str(script)) == []


@pytest.mark.crash
async def test_orphans_of_one_task_end_while_another_goes_on(
    link: TaskLink, grounds: Grounds
) -> None:
    (first,) = launchers()
    async with link.start(grounds.task("x"), shell("cat")) as killed:
        await until(lambda: len(launchers()) == 2)
        async with link.start(grounds.task("x"), shell("cat")) as spared:
            os.kill(first, signal.SIGKILL)
            with pytest.raises(AgentFailed):
                await killed.exited()
            spared.stdin.write(b"alive\n")
            assert await spared.stdout.readline() == b"alive\n"


@pytest.mark.crash
async def test_children_of_the_daemon_that_are_no_tasks_are_spared(
    link: TaskLink, grounds: Grounds
) -> None:
    other = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    (waiting,) = launchers()
    async with link.start(grounds.task("x"), shell("cat")) as running:
        os.kill(waiting, signal.SIGKILL)
        with pytest.raises(AgentFailed):
            await running.exited()
    assert other.returncode is None
    await other.communicate(b"")
    assert other.returncode == 0


@pytest.mark.crash
@pytest.mark.parametrize("level", LEVELS)
async def test_a_killed_daemon_leaves_nothing_behind(grounds: Grounds, level: Isolation) -> None:
    grounds = grounds.at(level)
    script = Path(grounds.project.path, "survivor.py")
    script.write_text(DETACHED)
    daemon = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("daemon_stub.py")),
        *(grounds.project.path, *grounds.launcher, "--", "python3", str(script)),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert daemon.stdout is not None
    assert await daemon.stdout.readline() == b"detached\n"
    await until(
        lambda: len(descendants(daemon.pid)) >= 4, within_seconds=5
    )  # two launchers, two of the script
    daemon.kill()
    await daemon.wait()
    await until(lambda: not marked_processes(str(grounds.projects_file.parent)))
