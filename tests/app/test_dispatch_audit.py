"""The program that keeps the log, as systemd and a shell start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from appliance.audit import wire
from appliance.audit.database import DATABASE
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from tests.app.services import ACTIVATE, PATIENCE_SECONDS, ROOT, service
from tests.audit.logs import BOOT, queued
from tests.fakes import FakeClock

PROGRAM = (sys.executable, "-m", "appliance.app.dispatch_audit")


@contextmanager
def running(
    home: Path, *arguments: str, around: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """The program, with a notify socket at `home`."""
    command = [*around, *PROGRAM, "--directory", str(home / "log"), *arguments]
    command += ["--socket", str(home / "socket"), "--writer", str(os.getuid())]
    with service(home, command, environment) as process:
        yield process


def ask(home: Path, question: wire.Question) -> wire.Answer:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.connect(str(home / "socket"))
        client.sendall(wire.write(1, question))
        with client.makefile("rb") as lines:
            _, answer = wire.read_answer(lines.readline())
    return answer


def refusal(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """How it ended, and what it said last."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said.splitlines()


def test_its_life_as_systemd_sees_it(tmp_path: Path, systemd: Callable[[], str]) -> None:
    with running(tmp_path, WATCHDOG_USEC="3000000") as process:
        assert systemd() == "READY=1"
        assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o660
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
        assert isinstance(ask(tmp_path, wire.Append((queued(),))), wire.Appended)
        assert [systemd(), systemd()] == ["WATCHDOG=1", "WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        while (word := systemd()) != "STOPPING=1":
            assert word == "WATCHDOG=1"
        assert process.wait(PATIENCE_SECONDS) == 0
    assert not (tmp_path / "socket").exists()
    found = verify(tmp_path / "log" / DATABASE)
    assert found.verdict is Verdict.INTACT, found.reason
    keys = sorted(path.name for path in (tmp_path / "log").glob("*.key"))
    assert keys == ["epoch-2.key", "identity.key"], "the first epoch has ended, its key is gone"


def test_systemd_can_listen_for_it(tmp_path: Path, systemd: Callable[[], str]) -> None:
    # what sd_listen_fds(3) says: the socket is descriptor 3, and LISTEN_PID is who may have it
    activate = (sys.executable, "-c", ACTIVATE, str(tmp_path / "socket"))
    with running(tmp_path, around=activate):
        assert systemd() == "READY=1"
        assert isinstance(ask(tmp_path, wire.Append((queued(),))), wire.Appended)
    assert (tmp_path / "socket").exists(), "it is systemd's"


def test_killed_it_comes_back_and_goes_on(tmp_path: Path, systemd: Callable[[], str]) -> None:
    for _ in range(3):
        with running(tmp_path) as process:
            assert systemd() == "READY=1"
            ask(tmp_path, wire.Append((queued(),)))
            process.kill()
            process.wait()
    assert verify(tmp_path / "log" / DATABASE).verdict is Verdict.INTACT


def test_there_is_one_at_a_time(tmp_path: Path, systemd: Callable[[], str]) -> None:
    with running(tmp_path):
        assert systemd() == "READY=1"
        with running(tmp_path) as second:
            status, said = refusal(second)
        assert status == 74
        assert "another process is writing it" in said[0]
        assert ask(tmp_path, wire.AskStanding()) == wire.Standing("")


def test_a_log_that_others_could_change_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log").chmod(0o770)
    with running(tmp_path) as process:
        status, said = refusal(process)
    assert status == 78
    assert said == [
        f"dispatch-audit: error: others than user id {os.getuid()} could change the log in "
        f"{tmp_path}/log",
        f"dispatch-audit: hint: make it ours with: chown {os.getuid()} {tmp_path}/log; "
        f"chmod 700 {tmp_path}/log",
    ]


def test_a_log_that_was_rolled_back_is_not_continued(tmp_path: Path) -> None:
    with closing(Writer(tmp_path / "longer", FakeClock(), BOOT)) as writer:
        before = {p.name: p.read_bytes() for p in (tmp_path / "longer").iterdir()}
        writer.rotate()
        (tmp_path / "anchors").write_text(str(writer.head()))
    (tmp_path / "log").mkdir(mode=0o700)
    for name, content in before.items():
        (tmp_path / "log" / name).write_bytes(content)
    with running(tmp_path, "--anchors", str(tmp_path / "anchors")) as process:
        status, said = refusal(process)
    assert status == 65, said
    assert len(said) == 2
    assert "Traceback" not in "".join(said)


def test_a_user_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    with running(tmp_path, "--admin", "nobody-at-all") as process:
        status, said = refusal(process)
    assert status == 78
    assert said[0] == "dispatch-audit: error: this machine has no user called nobody-at-all"


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_after_a_failed_commit_it_says_so_and_ends_for_another_to_go_on(
    tmp_path: Path, systemd: Callable[[], str]
) -> None:
    (tmp_path / "log").mkdir(mode=0o700)
    (tmp_path / "log" / "ballast").write_bytes(bytes(1 << 20))
    # no file may grow past that, which to SQLite is a disk that fails in the middle of a write
    with running(tmp_path, around=(sys.executable, "-c", LIMITED)) as process:
        assert systemd() == "READY=1"
        answer: wire.Answer = wire.Done()
        while not isinstance(answer, wire.Refused):
            answer = ask(tmp_path, wire.Append((queued(),) * 50))
        assert "cannot be written" in answer.reason
        status, said = refusal(process)
    assert status == 74
    assert said[-1].startswith("dispatch-audit: hint: start dispatch-audit again")
    with running(tmp_path):
        assert systemd() == "READY=1"
        assert isinstance(ask(tmp_path, wire.Append((queued(),))), wire.Appended)
    assert verify(tmp_path / "log" / DATABASE).verdict is Verdict.INTACT


def test_no_secret_and_nothing_of_asyncio_is_in_it() -> None:
    """It holds the keys: what it does not need is not there, and it stays small."""
    listing = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, appliance.app.dispatch_audit;"
            "print(*(name for name, module in sys.modules.items() if module))",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = set(listing.stdout.split())
    unwanted = {
        "asyncio",
        "ssl",
        "_hashlib",
        "aiohttp",
        "psutil",
        "sqlite_utils",
        "appliance.config",
    }
    assert loaded & unwanted == set()
    assert {m for m in loaded if m.startswith(("appliance.chat", "appliance.services"))} == set()
