"""The proxy as systemd, a shell and a daemon start it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from appliance.app.egress_life import READY
from appliance.egress.wire import NotServed, Open, Serving, decode, encode
from appliance.task import bridge
from tests.app.services import ACTIVATE, PATIENCE_SECONDS, ROOT, service

PROGRAM = (sys.executable, "-m", "appliance.app.dispatch_egress")
MAX_RESIDENT = 20 << 20


@contextmanager
def running(
    home: Path, *arguments: str, around: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """The program, with a notify socket at `home`."""
    command = [*around, *PROGRAM, "--socket", str(home / "socket"), *arguments]
    with service(home, command, environment) as process:
        yield process


US = ("--daemon", str(os.getuid()))


def opens(home: Path) -> bool:
    """Whether a session can be opened."""
    ours, theirs = bridge.channel()
    with ours, theirs, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.connect(str(home / "socket"))
        socket.send_fds(client, [encode(Open(1))], [theirs.fileno()])
        with client.makefile("rb") as lines:
            return decode(lines.readline()) == Serving()


def refusal(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """How it ended, and what it said last."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said.splitlines()


def test_its_life_as_systemd_sees_it(tmp_path: Path, systemd: Callable[[], str]) -> None:
    with running(tmp_path, *US, WATCHDOG_USEC="300000") as process:
        assert systemd() == "READY=1"
        assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o660
        assert opens(tmp_path)
        assert [systemd(), systemd()] == ["WATCHDOG=1", "WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        while (word := systemd()) != "STOPPING=1":
            assert word == "WATCHDOG=1"
        assert process.wait(PATIENCE_SECONDS) == 0
    assert not (tmp_path / "socket").exists()


def test_systemd_can_listen_for_it(tmp_path: Path, systemd: Callable[[], str]) -> None:
    # what sd_listen_fds(3) says: the socket is descriptor 3, and LISTEN_PID is who may have it
    activate = (sys.executable, "-c", ACTIVATE, str(tmp_path / "socket"))
    with running(tmp_path, *US, around=activate):
        assert systemd() == "READY=1"
        assert opens(tmp_path)
    assert (tmp_path / "socket").exists(), "it is systemd's"


def test_killed_it_comes_back(tmp_path: Path, systemd: Callable[[], str]) -> None:
    for _ in range(3):
        with running(tmp_path, *US) as process:
            assert systemd() == "READY=1"
            assert opens(tmp_path)
            process.kill()
            process.wait()


def test_another_user_is_turned_away(tmp_path: Path, systemd: Callable[[], str]) -> None:
    with running(tmp_path, "--daemon", str(os.getuid() + 1)):
        assert systemd() == "READY=1"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            with client.makefile("rb") as lines:
                assert isinstance(decode(lines.readline()), NotServed)


async def test_its_lifeline_says_when_it_is_ready_and_ends_it(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(*PROGRAM, "--socket", str(tmp_path / "socket"), *US, "--lifeline"),
                stdin=theirs.fileno(),
                cwd=ROOT,
            )
        ours.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(ours, 10) == READY
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--daemon", "nobody-at-all"), 78, "this machine has no user called nobody-at-all"),
        ((*US, "--socket", "/nowhere/at/all"), 78, "cannot listen on /nowhere/at/all"),
        ((), 2, "the following arguments are required: --daemon"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    with running(tmp_path, *arguments) as process:
        found, lines = refusal(process)
    assert found == status
    assert said in "".join(lines)
    assert "Traceback" not in "".join(lines)


def test_it_may_open_as_much_as_it_needs(tmp_path: Path, systemd: Callable[[], str]) -> None:
    narrow = ("prlimit", "--nofile=256:8192")
    with running(tmp_path, *US, around=narrow) as process:
        assert systemd() == "READY=1"
        soft, _ = psutil.Process(process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft > 2000


def test_it_is_small_and_has_nothing_it_does_not_need(
    tmp_path: Path, systemd: Callable[[], str]
) -> None:
    with running(tmp_path, *US) as process:
        assert systemd() == "READY=1"
        assert opens(tmp_path)
        resident = psutil.Process(process.pid).memory_info().rss
        libraries = Path(f"/proc/{process.pid}/maps").read_text()
    assert resident <= MAX_RESIDENT, f"{resident / (1 << 20):.1f} MiB"
    assert "libssl" not in libraries
    assert "libcrypto" not in libraries


def test_nothing_of_the_other_programs_is_in_it() -> None:
    listing = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, check=True, capture_output=True, text=True
    )
    packages = {".".join(name.split(".")[:2]) for name in listing.stdout.split()}
    ours = {name for name in packages if name.startswith("appliance.")}
    assert ours == {
        *("appliance.app", "appliance.core", "appliance.egress", "appliance.errors"),
        *("appliance.host", "appliance.journald", "appliance.local_sockets", "appliance.task"),
    }


LOADED = """
import sys
import appliance.app.dispatch_egress, appliance.app.egress_life
print(*sys.modules)
"""


def test_importing_it_takes_nothing_from_other_programs() -> None:
    """Its parser is used by others, which speak TLS."""
    script = "import appliance.app.dispatch_egress, ssl, hashlib; hashlib.sha256(b'')"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
