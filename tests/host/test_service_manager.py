"""What systemd hears from us, over a real notify socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.host import service_manager
from appliance.host.service_manager import ServiceManager
from appliance.local_sockets import peer_uid


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


@pytest.fixture
def manager(systemd: socket.socket) -> Iterator[ServiceManager]:
    manager = ServiceManager()
    yield manager
    manager.close()


def test_each_word_arrives_as_systemd_wants_it(
    systemd: socket.socket, manager: ServiceManager
) -> None:
    manager.ready()
    manager.alive()
    manager.stopping()
    said = [systemd.recv(100) for _ in range(3)]
    assert said == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = ServiceManager()
    manager.ready()
    manager.close()


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),
        ("", "ours", None),
        ("often", "ours", None),
        ("0", "ours", None),
    ],
)
def test_the_watchdog_is_ours_only_when_systemd_says_so(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)
    manager = ServiceManager()
    assert manager.watchdog_seconds == seconds
    manager.close()


def test_without_socket_activation_there_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert ServiceManager().listening_socket() is None


def _given(monkeypatch: pytest.MonkeyPatch, *sockets: socket.socket) -> ServiceManager:
    monkeypatch.setattr(service_manager, "_FIRST_DESCRIPTOR", os.dup(sockets[0].fileno()))
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", str(len(sockets)))
    return ServiceManager()


def test_a_socket_that_systemd_listens_on_becomes_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as theirs, socket.socket(socket.AF_UNIX) as client:
        theirs.bind(str(tmp_path / "s"))
        theirs.listen()
        ours = _given(monkeypatch, theirs).listening_socket()
        assert ours is not None
        with ours:
            assert not ours.get_inheritable()
            client.connect(str(tmp_path / "s"))
            ours.accept()[0].close()


def test_whoever_connects_then_knows_us_and_not_who_listened_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("ONLY ROOT CAN ACT AS ANOTHER USER")
    with socket.socket(socket.AF_UNIX) as theirs, socket.socket(socket.AF_UNIX) as client:
        theirs.bind(str(tmp_path / "s"))
        os.seteuid(65534)
        theirs.listen()
        os.seteuid(0)
        ours = _given(monkeypatch, theirs).listening_socket()
        assert ours is not None
        with ours:
            client.connect(str(tmp_path / "s"))
            assert peer_uid(client) == 0


def test_anything_else_that_systemd_gives_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET) as network, socket.socket(socket.AF_UNIX) as local:
        with pytest.raises(ConfigError, match="several sockets"):
            _given(monkeypatch, local, network).listening_socket()
        with pytest.raises(ConfigError, match="no local stream socket"):
            _given(monkeypatch, network).listening_socket()
