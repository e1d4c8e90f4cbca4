"""A machine with things worth stealing: files, processes and sockets around a project."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.beside import Beside
from appliance.agent.task_link import Launch, Running
from appliance.core.model import Isolation
from tests.grounds import Grounds

SECRET = "the-crown-jewels-4711"
INTRUDER = Path(__file__).with_name("intruder.py")
HELD_UP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Site:
    """`grounds` to attack from, and what the intruder is told."""

    grounds: Grounds
    targets: dict[str, str]

    async def attacked(self, *names: str, network: int | None = None) -> dict[str, str]:
        """What becomes of these attacks, or of all of them."""
        launch = Launch(
            ("python3", str(self.project / "intruder.py"), "targets.json", *names),
            {},
            network=network,
        )
        link, task = self.grounds.link(), self.grounds.task("x")
        async with link.start(task, launch) as running, Beside(self._visit()):
            return await _findings(running)

    @property
    def project(self) -> Path:
        return Path(self.grounds.project.path)

    async def _visit(self) -> None:
        """Come by when somebody says to listen on this machine."""
        while not (self.project / "listening").exists():
            await asyncio.sleep(0.01)
        answer = "nobody was there"
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", int(self.targets["free_port"])), 1).close()
            answer = SECRET
        (self.project / "visited.new").write_text(answer)
        (self.project / "visited.new").rename(self.project / "visited")
        await asyncio.Event().wait()


async def _findings(running: Running) -> dict[str, str]:
    async with asyncio.timeout(HELD_UP_SECONDS):
        output = await running.stdout.read()
        await running.exited()
    lines = output.decode().splitlines()
    assert lines, "the intruder said nothing"
    found = json.loads(lines[-1])
    assert isinstance(found, dict), output
    return found


@asynccontextmanager
async def site(directory: Path, level: Isolation) -> AsyncIterator[Site]:
    """Everything in place; tasks get this wall, and no network but at level NONE."""
    grounds = Grounds.make(directory).at(level)
    project = Path(grounds.project.path)
    for name in (".git/hooks", ".claude", "docs"):
        (project / name).mkdir(parents=True)
    (project / ".git/config").write_text("[core]\n")
    shutil.copy(INTRUDER, project)
    (grounds.home / "diary").write_text(SECRET)
    targets = _files(directory) | {"home": str(grounds.home), "secret": SECRET}
    grounds = grounds.with_projects(
        projects={**grounds.projects.projects, "other": targets["other_project"]},
        hidden=tuple(str(directory / name) for name in ("credentials", "audit", "state", "etc")),
        unsafe_host_network=level is Isolation.NONE,
    )
    with ExitStack() as stack:
        targets |= stack.enter_context(_sockets(directory))
        async with _daemon(directory / "credentials") as daemon:
            targets |= {"daemon": str(daemon), "mark": "pretends-to-be-dispatchd"}
            (project / "targets.json").write_text(json.dumps(targets))
            yield Site(grounds, targets)


def _files(directory: Path) -> dict[str, str]:
    files = {
        "token": "credentials/token",
        "movable": "credentials/movable",
        "key": "audit/key",
        "state": "state/state.db",
        "policy": "etc/rules.csv",
    }
    others = ("other/source", "nowhere/file", "nowhere/victim", "nowhere/removable")
    for name in (*files.values(), *others):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(SECRET)
    places = {"other_project": "other", "nowhere": "nowhere"}
    return {what: str(directory / name) for what, name in (files | places).items()}


@asynccontextmanager
async def _daemon(directory: Path) -> AsyncIterator[int]:
    """A process of the same user with a secret in its environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "input()", "pretends-to-be-dispatchd"),
        stdin=asyncio.subprocess.PIPE,
        cwd=directory,
        env={"TOKEN": SECRET},
    )
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


@contextmanager
def _sockets(directory: Path) -> Iterator[dict[str, str]]:
    """Somebody who greets at each of them; their addresses."""
    abstract = f"dispatch-test-{directory.name}-{id(directory)}"
    paths = {name: str(directory / name) for name in ("socket", "datagrams")}
    with ExitStack() as stack:
        tcp = _greeter(stack, socket.AF_INET, ("127.0.0.1", 0))
        udp = _greeter(stack, socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
        _greeter(stack, socket.AF_UNIX, "\0" + abstract)
        _greeter(stack, socket.AF_UNIX, paths["socket"])
        _greeter(stack, socket.AF_UNIX, paths["datagrams"], socket.SOCK_DGRAM)
        ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "tcp6": 0}
        with suppress(OSError):  # not every machine has IPv6
            ports["tcp6"] = _greeter(stack, socket.AF_INET6, ("::1", 0)).getsockname()[1]
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            ports["free_port"] = free.getsockname()[1]
        yield paths | {"abstract": abstract} | {name: str(port) for name, port in ports.items()}


def _greeter(
    stack: ExitStack, family: int, address: object, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    listener = stack.enter_context(socket.socket(family, kind))
    listener.bind(address)  # type: ignore[arg-type]
    if kind == socket.SOCK_STREAM:
        listener.listen()
    greeting = threading.Thread(target=_greet, args=(listener,), daemon=True)
    greeting.start()
    stack.callback(greeting.join)
    stack.callback(_dismiss, listener)
    return listener


def _dismiss(listener: socket.socket) -> None:
    if listener.type == socket.SOCK_DGRAM:
        listener.sendto(b"", listener.getsockname())
    else:
        listener.shutdown(socket.SHUT_RDWR)


def _greet(listener: socket.socket) -> None:
    with suppress(OSError):  # it is closed when the test is over
        while True:
            if listener.type == socket.SOCK_DGRAM:
                asked, asker = listener.recvfrom(100)
                if not asked:
                    return
                with suppress(OSError, TypeError):
                    listener.sendto(SECRET.encode(), asker)
            else:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.sendall(SECRET.encode())
