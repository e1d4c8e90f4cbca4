"""The real launcher, driven by hand over its socket: what it starts, refuses, and leaves behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Ceiling, Isolation
from appliance.task.header import (
    Fault,
    Message,
    TaskExited,
    TaskHeader,
    TaskRefused,
    TaskStarted,
    decode,
    encode,
)
from tests.grounds import (
    HAS_BUBBLEWRAP,
    HAS_LANDLOCK,
    LEVELS,
    WALLS,
    Grounds,
    children,
    command_line,
    marked_processes,
)

DETACHED = """
import os, sys, time
ready, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(1, b"detached\\n")
        os.close(1)
        os.write(tell, b".")
        time.sleep(600)
    os._exit(0)
os.read(ready, 1)
{then}
"""


class Launcher:
    """A launcher process and the two ends we hold: its socket and the task's output."""

    def __init__(self, grounds: Grounds, stack: ExitStack) -> None:
        self.control, theirs = socket.socketpair()
        stack.enter_context(self.control)
        self.control.settimeout(20)
        with theirs:
            self.process = subprocess.Popen(
                grounds.launcher, stdin=theirs.fileno(), start_new_session=True
            )
        stack.callback(self._end)
        self._lines = stack.enter_context(self.control.makefile("rb"))
        self._output, self._theirs = os.pipe()
        stack.callback(os.close, self._output)

    def send(self, header: TaskHeader | bytes, secret: bytes | None = None) -> None:
        line = header if isinstance(header, bytes) else encode(header)
        null = os.open("/dev/null", os.O_RDONLY)
        descriptors = [null, self._theirs, self._theirs]
        if secret is not None:
            read_end, write_end = os.pipe()
            os.write(write_end, secret)
            os.close(write_end)
            descriptors.append(read_end)
        socket.send_fds(self.control, [line], descriptors)
        for descriptor in {null, *descriptors}:
            os.close(descriptor)

    def hear(self) -> Message:
        return decode(self._lines.readline())

    def output(self) -> str:
        """Until the last one who could write has closed it."""
        chunks = []
        while select.select([self._output], [], [], 20)[0]:
            if not (chunk := os.read(self._output, 65536)):
                break
            chunks.append(chunk)
        return b"".join(chunks).decode()

    def line(self) -> str:
        assert select.select([self._output], [], [], 20)[0]
        return os.read(self._output, 65536).decode()

    def in_waiting(self) -> list[int]:
        """Those forked ahead: they run what it runs, unlike the children of a wall tried out."""
        pid = self.process.pid
        return [child for child in children(pid) if command_line(child) == command_line(pid)]

    def close(self) -> None:
        """What happens when the daemon dies."""
        self._lines.close()
        self.control.close()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=LEVELS)
def any_grounds(request: pytest.FixtureRequest, grounds: Grounds) -> Grounds:
    return grounds.at(request.param)


@pytest.fixture(params=WALLS)
def walled(request: pytest.FixtureRequest, grounds: Grounds) -> Grounds:
    return grounds.at(request.param)


@pytest.fixture
def bubblewrapped(grounds: Grounds) -> Grounds:
    if not HAS_BUBBLEWRAP:
        pytest.skip("no bubblewrap here")
    return grounds.walled()


def header(*argv: str) -> TaskHeader:
    return TaskHeader("demo", "", argv, {}, "", 20, Isolation.NONE, Ceiling())


def run(grounds: Grounds, stack: ExitStack, wanted: TaskHeader) -> tuple[str, TaskExited]:
    launcher = Launcher(grounds, stack)
    launcher.send(wanted)
    started = launcher.hear()
    assert isinstance(started, TaskStarted), started
    exited = launcher.hear()
    assert isinstance(exited, TaskExited)
    return launcher.output(), exited


def refused(grounds: Grounds, stack: ExitStack, wanted: TaskHeader | bytes) -> TaskRefused:
    launcher = Launcher(grounds, stack)
    launcher.send(wanted)
    answer = launcher.hear()
    assert isinstance(answer, TaskRefused), answer
    assert launcher.output() == ""
    return answer


def python(grounds: Grounds, text: str) -> TaskHeader:
    """A script of the project's; its own interpreter, so that a sandbox does not hide it."""
    Path(grounds.project.path, "script.py").write_text(text)
    return header("python3", "script.py")


def gone(mark: str, within_seconds: float = 1.0) -> bool:
    deadline = time.monotonic() + within_seconds
    while marked_processes(mark):
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.01)
    return True


# starting


def test_a_task_runs_in_its_project_and_its_end_is_told(
    any_grounds: Grounds, stack: ExitStack
) -> None:
    output, exited = run(any_grounds, stack, header("sh", "-c", "pwd; exit 3"))
    assert output == f"{any_grounds.project.path}\n"
    assert exited == TaskExited(status=3, signal=0)


def test_a_signal_that_killed_the_program_is_told(any_grounds: Grounds, stack: ExitStack) -> None:
    _, exited = run(any_grounds, stack, header("sh", "-c", "kill -9 $$"))
    assert exited == TaskExited(status=-1, signal=9)


def test_a_task_has_exactly_the_listed_variables(any_grounds: Grounds, stack: ExitStack) -> None:
    wanted = replace(header("env"), environment={"GIT_PAGER": "cat"})
    output, _ = run(any_grounds, stack, wanted)
    names = {line.partition("=")[0] for line in output.splitlines()}
    expected = {"CLAUDE_CODE_TMPDIR", "GIT_PAGER", "HOME", "LANG", "PATH", "TERM", "TMPDIR"}
    expected |= {"GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"}
    assert names - {"PWD"} == expected  # bubblewrap sets PWD


def test_a_task_has_no_descriptors_but_its_own(any_grounds: Grounds, stack: ExitStack) -> None:
    output, _ = run(any_grounds, stack, header("ls", "/proc/self/fd"))
    assert output.split() == ["0", "1", "2", "3"]  # 3 is ls reading the directory


def test_its_temporary_directory_is_its_own_and_goes_with_it(
    any_grounds: Grounds, stack: ExitStack
) -> None:
    output, _ = run(
        any_grounds, stack, header("sh", "-c", 'stat -c %a "$TMPDIR"; echo "$TMPDIR"; mktemp')
    )
    mode, directory, file = output.split()
    assert mode == "700"
    assert file.startswith(directory)
    assert not Path(file).exists()


def test_a_secret_comes_by_descriptor_and_can_be_read_once(
    any_grounds: Grounds, stack: ExitStack
) -> None:
    variable = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
    script = f'cat <&"${variable}"; echo; (cat <&"${variable}"; env) | grep -c key-4711'
    wanted = replace(header("sh", "-c", script), secret_variable=variable)
    launcher = Launcher(any_grounds, stack)
    launcher.send(wanted, b"key-4711")
    assert isinstance(launcher.hear(), TaskStarted)
    assert launcher.output().split() == ["key-4711", "0"]


def test_a_directory_inside_the_project_may_be_chosen(
    any_grounds: Grounds, stack: ExitStack
) -> None:
    inside = Path(any_grounds.project.path, "docs")
    inside.mkdir()
    output, _ = run(any_grounds, stack, replace(header("pwd"), directory=str(inside)))
    assert output == f"{inside}\n"


# refusing


def test_a_project_that_is_not_listed_is_refused(grounds: Grounds, stack: ExitStack) -> None:
    answer = refused(grounds, stack, replace(header("id"), project="../other"))
    assert answer.fault is Fault.TASK
    assert "no project ../other in the list" in answer.reason


@pytest.mark.parametrize("directory", ["/etc", "..", "link", "absent"])
def test_a_directory_outside_the_project_is_refused(
    grounds: Grounds, stack: ExitStack, directory: str
) -> None:
    Path(grounds.project.path, "link").symlink_to("/etc")
    wanted = replace(header("id"), directory=str(Path(grounds.project.path, directory)))
    assert "is not a directory of project demo" in refused(grounds, stack, wanted).reason


def test_a_program_that_is_not_there_is_refused(any_grounds: Grounds, stack: ExitStack) -> None:
    answer = refused(any_grounds, stack, header("no-such-program"))
    assert "there is no program no-such-program" in answer.reason


def test_a_variable_that_is_not_listed_is_refused(grounds: Grounds, stack: ExitStack) -> None:
    wanted = replace(header("id"), environment={"LD_PRELOAD": "/tmp/x.so"})
    assert "LD_PRELOAD" in refused(grounds, stack, wanted).reason


def test_less_isolation_than_asked_for_is_refused(grounds: Grounds, stack: ExitStack) -> None:
    answer = refused(grounds, stack, replace(header("id"), minimum_isolation=Isolation.BUBBLEWRAP))
    assert answer.fault is Fault.SANDBOX
    assert "needs isolation bubblewrap and this host has none" in answer.reason


def test_a_list_that_others_can_write_refuses_every_task(
    grounds: Grounds, stack: ExitStack
) -> None:
    grounds.projects_file.chmod(0o666)
    assert refused(grounds, stack, header("id")).fault is Fault.SANDBOX


@pytest.mark.parametrize("line", [b"{}\n", b"\xff\n", b"GET / HTTP/1.1\r\n"])
def test_nonsense_is_refused(grounds: Grounds, stack: ExitStack, line: bytes) -> None:
    assert "the launcher refuses the task" in refused(grounds, stack, line).reason


def test_without_a_socket_it_says_how_it_is_used(grounds: Grounds) -> None:
    done = subprocess.run(grounds.launcher, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 64
    assert b"standard input is not a socket" in done.stderr


def test_it_imports_nothing_but_the_standard_library(grounds: Grounds) -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.append(sys.argv[1]);"
        "import appliance.task.launcher;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*new - sys.stdlib_module_names)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(root)], capture_output=True, check=True
    )
    assert done.stdout == b"appliance\n"


# ending


def test_a_task_that_takes_too_long_is_stopped(any_grounds: Grounds, stack: ExitStack) -> None:
    script = python(any_grounds, "import time; time.sleep(600)")
    _, exited = run(any_grounds, stack, replace(script, timeout_seconds=1))
    assert exited.timed_out


def test_a_task_that_ignores_being_asked_is_killed(any_grounds: Grounds, stack: ExitStack) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    launcher = Launcher(any_grounds, stack)
    launcher.send(python(any_grounds, f"{deaf}; time.sleep(600)"))
    launcher.hear()
    launcher.line()
    launcher.control.shutdown(socket.SHUT_WR)
    exited = launcher.hear()
    assert isinstance(exited, TaskExited)
    assert exited.signal == signal.SIGKILL


def test_a_task_that_is_told_to_stop_may_say_its_last_words(
    any_grounds: Grounds, stack: ExitStack
) -> None:
    polite = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit('bye'));"
        "print(1, flush=True); time.sleep(600)"
    )
    launcher = Launcher(any_grounds, stack)
    launcher.send(python(any_grounds, polite))
    launcher.hear()
    launcher.line()
    launcher.control.shutdown(socket.SHUT_WR)
    assert launcher.output() == "bye\n"
    assert launcher.hear() == TaskExited(status=1, signal=0)


@pytest.mark.parametrize("how", ["exit", "close", "kill"])
def test_a_child_that_detached_twice_does_not_survive(
    any_grounds: Grounds, stack: ExitStack, how: str, tmp_path: Path
) -> None:
    script = Path(any_grounds.project.path, "detach-and-stay.py")
    then = "sys.exit(0)" if how == "exit" else "time.sleep(600)"
    script.write_text(DETACHED.format(then=then))
    launcher = Launcher(any_grounds, stack)
    launcher.send(header("python3", str(script)))
    started = launcher.hear()
    assert isinstance(started, TaskStarted)
    assert launcher.line() == "detached\n"
    if how == "close":
        launcher.close()
    if how == "kill":
        os.kill(started.pid, signal.SIGKILL)
    assert gone(str(script))


def test_a_killed_launcher_takes_its_program_along(any_grounds: Grounds, stack: ExitStack) -> None:
    script = Path(any_grounds.project.path, "stay.py")
    script.write_text("import time; print(1, flush=True); time.sleep(600)")
    launcher = Launcher(any_grounds, stack)
    launcher.send(header("python3", str(script)))
    launcher.hear()
    launcher.line()
    launcher.process.kill()
    assert gone(str(script))


def test_a_launcher_nobody_needs_goes_by_itself(grounds: Grounds, stack: ExitStack) -> None:
    launcher = Launcher(grounds, stack)
    launcher.control.shutdown(socket.SHUT_RDWR)
    assert launcher.process.wait(5) == 0


@pytest.mark.parametrize("one", [0, 1])
def test_a_launcher_that_lost_one_in_waiting_goes_before_a_task_comes(
    grounds: Grounds, stack: ExitStack, one: int
) -> None:
    launcher = Launcher(grounds, stack)
    while len(in_waiting := launcher.in_waiting()) < 2:
        select.select([], [], [], 0.01)
    os.kill(in_waiting[one], signal.SIGKILL)
    assert launcher.process.wait(5) == 0
    assert launcher.control.recv(1) == b""


def test_a_terminated_launcher_ends_its_task(grounds: Grounds, stack: ExitStack) -> None:
    launcher = Launcher(grounds, stack)
    launcher.send(header("sleep", "600"))
    launcher.hear()
    launcher.process.terminate()
    assert launcher.hear() == TaskExited(status=-1, signal=15)


# the wall


def test_inside_the_wall_only_the_project_can_be_written(
    walled: Grounds, stack: ExitStack, tmp_path: Path
) -> None:
    script = f"touch inside; touch {tmp_path}/outside /etc/outside /usr/outside; true"
    run(walled, stack, header("sh", "-c", script))
    assert Path(walled.project.path, "inside").exists()
    assert not any(Path(place, "outside").exists() for place in (tmp_path, "/etc", "/usr"))


def test_inside_the_wall_hidden_paths_and_homes_are_empty(
    walled: Grounds, stack: ExitStack, tmp_path: Path
) -> None:
    state, token = tmp_path / "state", tmp_path / "token"
    state.mkdir()
    (state / "database").write_text("secret")
    token.write_text("secret")
    (walled.home / "diary").write_text("secret")
    script = f"ls -A {state} {walled.home}; cat {token}"
    output, _ = run(walled.hiding(state, token), stack, header("sh", "-c", script))
    assert "database" not in output
    assert "diary" not in output
    assert "secret" not in output


def test_what_a_wall_cannot_hide_is_not_shown_by_it(grounds: Grounds, stack: ExitStack) -> None:
    """Landlock's rules cannot take a part of the project away again."""
    if not HAS_LANDLOCK:
        pytest.skip("no Landlock here")
    inside = Path(grounds.project.path, "private")
    inside.mkdir()
    answer = refused(grounds.at(Isolation.LANDLOCK).hiding(inside), stack, header("ls"))
    assert answer.fault is Fault.SANDBOX
    assert f"{inside} is hidden, and Landlock cannot hide it" in answer.reason


def test_in_namespaces_no_other_process_is_seen(bubblewrapped: Grounds, stack: ExitStack) -> None:
    output, _ = run(bubblewrapped, stack, header("sh", "-c", "ls -d /proc/[0-9]* | wc -l"))
    assert int(output) <= 5


def test_inside_the_wall_there_are_no_capabilities(walled: Grounds, stack: ExitStack) -> None:
    output, _ = run(walled, stack, header("grep", "CapEff", "/proc/self/status"))
    assert int(output.split()[1], 16) == 0


def test_hooks_and_settings_cannot_be_changed_from_inside(
    bubblewrapped: Grounds, stack: ExitStack
) -> None:
    project = Path(bubblewrapped.project.path)
    (project / ".git/hooks").mkdir(parents=True)
    (project / ".git/config").write_text("[core]\n")
    (project / ".claude").mkdir()
    script = (
        "touch .git/hooks/pre-commit .claude/settings.json; echo x >> .git/config;"
        "mv .git other; mv .claude elsewhere; rm -rf .git/hooks; true"
    )
    run(bubblewrapped, stack, header("sh", "-c", script))
    assert (project / ".git/config").read_text() == "[core]\n"
    assert (project / ".git/hooks").is_dir()
    assert list((project / ".git/hooks").iterdir()) == []
    assert list((project / ".claude").iterdir()) == []


def test_of_the_agents_login_only_transcripts_and_credentials_are_real(
    walled: Grounds, stack: ExitStack
) -> None:
    login = walled.home / ".claude"
    login.mkdir()
    (login / ".credentials.json").write_text("token")
    (walled.home / ".claude.json").write_text("{}")
    script = (
        "cat ~/.claude.json ~/.claude/.credentials.json; echo evil > ~/.claude.json;"
        "echo evil > ~/.claude/settings.json; echo kept > ~/.claude/projects/session;"
        "echo new > ~/.claude/.credentials.json"
    )
    output, exited = run(walled, stack, header("sh", "-c", script))
    assert (output, exited.status) == ("{}token", 0)
    assert (walled.home / ".claude.json").read_text() == "{}"
    assert not (login / "settings.json").exists()
    assert (login / "projects/session").read_text() == "kept\n"
    assert (login / ".credentials.json").read_text() == "new\n"
