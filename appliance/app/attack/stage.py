"""A machine with things worth stealing: files, a process and sockets that are nobody's.

Beside them stands where the real ones are. What is only looked at may be real, what could be
damaged never is.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

Paths = Mapping[str, tuple[str, ...]]

MARK = "pretends-to-be-dispatchd"
HOSTS = Path("/etc/hosts")
BUSES = ("/run/dbus/system_bus_socket",)
SYSTEMD = (
    "/run/systemd/private",
    "/run/systemd/notify",
    "/run/systemd/journal/socket",
    "/run/systemd/journal/stdout",
    "/run/systemd/io.systemd.ManagedOOM",
)
LOGIND = ("/run/systemd/io.systemd.Login", "/run/systemd/userdb/io.systemd.DynamicUser")
RESOLVER = ("/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket")

_DECOYS = {
    "tokens": "credentials/token",
    "keys": "audit/key",
    "audit": "audit/audit.db",
    "state": "state/state.db",
    "policy": "etc/rules.csv",
    "of_other_projects": "other/source",
    "of_homes": "home/diary",
}
_MOVABLE = "credentials/movable"
_NOWHERE = ("file", "victim", "removable")
_SOCKETS = {
    "daemon_sockets": (),
    "audit_sockets": (),
    "task_sockets": (),
    "egress_sockets": (),
    "buses": BUSES,
    "systemd": SYSTEMD,
    "logind": LOGIND,
    "resolver": RESOLVER,
}


@dataclass(frozen=True, slots=True)
class Targets:
    """What the intruder is told: `marks` are single things of ours, `paths` may be real."""

    marks: Mapping[str, str]
    paths: Paths

    def encode(self) -> str:
        return json.dumps({"marks": dict(self.marks), "paths": dict(self.paths)})

    def beside(self, real: Paths) -> Targets:
        """With the real ones after our own."""
        paths = {name: (*found, *real.get(name, ())) for name, found in self.paths.items()}
        return replace(self, paths=paths)


@asynccontextmanager
async def stage(directory: Path, nowhere: Path) -> AsyncIterator[Targets]:
    """Everything in place until it is left; what is in the two directories stays.

    `directory` is to be hidden from tasks, `nowhere` a place that nothing speaks of.
    """
    secret = secrets.token_hex(16)
    with ExitStack() as stack:
        paths = _files(directory, nowhere, secret)
        marks = stack.enter_context(_sockets(directory, secret))
        async with _daemon(directory / "credentials", secret) as daemon:
            marks |= {
                "secret": secret,
                "token": paths["tokens"][0],
                "movable": str(directory / _MOVABLE),
                "nowhere": str(nowhere),
                "daemon": str(daemon),
                "mark": MARK,
                "loopback_name": f"localhost:{marks['tcp']}",
                "private_name": _private_name(),
                "granted": f"127.0.0.1:{marks['granted']}",
            }
            for kind, real in _SOCKETS.items():
                paths[kind] = (marks["socket"], *real)
            paths["processes"] = tuple(map(str, _processes()))
            yield Targets(marks, paths)


def _files(directory: Path, nowhere: Path, secret: str) -> dict[str, tuple[str, ...]]:
    decoys = {what: directory / name for what, name in _DECOYS.items()}
    others = [directory / _MOVABLE, *(nowhere / name for name in _NOWHERE)]
    for path in (*decoys.values(), *others):
        path.parent.mkdir(exist_ok=True)
        path.write_text(secret)
    paths: dict[str, tuple[str, ...]] = {what: (str(path),) for what, path in decoys.items()}
    return paths | {"other_projects": (str(directory / "other"),)}


def _processes() -> Iterable[Path]:
    """Directories of /proc as they are seen from here, some of them of other users."""
    found = sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name))
    return found[:100]


@asynccontextmanager
async def _daemon(directory: Path, secret: str) -> AsyncIterator[int]:
    """A process of the same user with a secret in its environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", "input()", MARK),
        stdin=asyncio.subprocess.PIPE,
        cwd=directory,
        env={"TOKEN": secret},
    )
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


# --- names


def _private_name() -> str:
    """A name with port that leads to a private address by this machine's own list, "" without."""
    with suppress(OSError, UnicodeDecodeError):
        for line in HOSTS.read_text().splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if names and _is_private(address):
                return f"{names[0]}:80"
    return ""


def _is_private(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.version == 4 and found.is_private and not found.is_loopback


# --- sockets


@contextmanager
def _sockets(directory: Path, secret: str) -> Iterator[dict[str, str]]:
    """Somebody who greets with the secret at each of them; their addresses."""
    abstract = f"dispatch-attack-{secrets.token_hex(8)}"
    paths = {name: str(directory / name) for name in ("socket", "datagrams")}
    with ExitStack() as stack:
        greet = _Greeter(stack, secret.encode())
        tcp = greet.at(socket.AF_INET, ("127.0.0.1", 0))
        granted = greet.at(socket.AF_INET, ("127.0.0.1", 0))
        udp = greet.at(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
        greet.at(socket.AF_UNIX, "\0" + abstract)
        greet.at(socket.AF_UNIX, paths["socket"])
        greet.at(socket.AF_UNIX, paths["datagrams"], socket.SOCK_DGRAM)
        listeners = {"tcp": tcp, "granted": granted, "udp": udp}
        ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
        ports["tcp6"] = 0
        with suppress(OSError):  # not every machine has IPv6
            ports["tcp6"] = greet.at(socket.AF_INET6, ("::1", 0)).getsockname()[1]
        yield paths | {"abstract": abstract} | {name: str(port) for name, port in ports.items()}


class _Greeter:
    """Says the same to whoever comes, each at a socket and in a thread of its own."""

    def __init__(self, stack: ExitStack, greeting: bytes) -> None:
        self._stack = stack
        self._greeting = greeting

    def at(self, family: int, address: object, kind: int = socket.SOCK_STREAM) -> socket.socket:
        listener = self._stack.enter_context(socket.socket(family, kind))
        listener.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            listener.listen()
        greeting = threading.Thread(target=self._greet, args=(listener,), daemon=True)
        greeting.start()
        self._stack.callback(greeting.join)
        self._stack.callback(_dismiss, listener)
        return listener

    def _greet(self, listener: socket.socket) -> None:
        answer = self._answer_datagram
        if listener.type == socket.SOCK_STREAM:
            answer = self._answer_connection
        with suppress(OSError):  # it is closed when all is over
            while answer(listener):
                pass

    def _answer_datagram(self, listener: socket.socket) -> bool:
        asked, asker = listener.recvfrom(100)
        with suppress(OSError, TypeError):  # somebody without an address
            listener.sendto(self._greeting, asker)
        return bool(asked)

    def _answer_connection(self, listener: socket.socket) -> bool:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(self._greeting)
        return True


def _dismiss(listener: socket.socket) -> None:
    if listener.type == socket.SOCK_DGRAM:
        listener.sendto(b"", listener.getsockname())
    else:
        listener.shutdown(socket.SHUT_RDWR)
