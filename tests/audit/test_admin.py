"""Administration: over the socket while somebody keeps the log, by hand when nobody does."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.audit import admin, wire
from appliance.audit.admin import Administration, administer
from appliance.audit.database import DATABASE
from appliance.audit.rights import Rights
from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.errors import AuditUnavailable
from appliance.local_sockets import listen
from tests.audit.logs import BOOT, allowed, entries, write
from tests.audit.serving import EVERYTHING, ME, served
from tests.fakes import FakeClock

NOBODY = 65534


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A log that nobody keeps now; record 2 has a private value."""
    write(tmp_path / "log", [[allowed(1)]], FakeClock())
    return tmp_path / "log"


@contextmanager
def turning(tmp_path: Path, rights: Rights = EVERYTHING) -> Iterator[None]:
    """A thread keeps the log and serves it."""
    stop = threading.Event()
    with served(tmp_path, rights) as log:

        def serve() -> None:
            while not stop.wait(0.001):
                log.server.turn()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def reached(directory: Path) -> Iterator[Administration]:
    path = directory.parent / "socket"
    with administer(directory, path, {ME}, FakeClock(), BOOT) as administration:
        yield administration


def _kinds(directory: Path) -> list[str]:
    return [e.record.kind for e in entries(directory / DATABASE)]


def _do_everything(directory: Path) -> None:
    with reached(directory) as log:
        log.redact(2, "input", "it was private")
        with pytest.raises(AuditUnavailable, match="no private value"):
            log.redact(2, "input", "again")
        log.prune(2, "too old")
        log.rotate()
        note = log.checkpoint()
        log.record_anchor(int(note.splitlines()[1]), "paper", note)
        assert log.refusal() == ""


def test_by_hand_when_nobody_keeps_the_log(directory: Path) -> None:
    _do_everything(directory)
    assert {"record.redacted", "log.pruned"} <= set(_kinds(directory))
    assert verify(directory / DATABASE).verdict is Verdict.INTACT


def test_over_the_socket_while_somebody_does(tmp_path: Path, directory: Path) -> None:
    with turning(tmp_path):
        _do_everything(directory)
    assert {"record.redacted", "log.pruned"} <= set(_kinds(directory))
    assert verify(directory / DATABASE).verdict is Verdict.INTACT


def test_who_did_it_is_recorded_either_way(tmp_path: Path, directory: Path) -> None:
    with reached(directory) as log:
        log.redact(2, "input", "x")
    with turning(tmp_path), reached(directory) as log:
        log.prune(2, "x")
    found = entries(directory / DATABASE, Filter(who=f"unix:{ME}"))
    assert [entry.record.kind for entry in found] == ["record.redacted", "log.pruned"]


def test_who_is_not_let_in_is_told_why(tmp_path: Path, directory: Path) -> None:
    nobody = Rights(frozenset(), frozenset())
    with (
        turning(tmp_path, nobody),
        pytest.raises(AuditUnavailable, match="may not use the audit log"),
        reached(directory) as log,
    ):
        log.rotate()


def test_an_impostor_is_asked_nothing(tmp_path: Path, directory: Path) -> None:
    with (
        turning(tmp_path),
        pytest.raises(AuditUnavailable, match="who does not keep the audit log"),
        administer(directory, tmp_path / "socket", {ME + 1}, FakeClock(), BOOT),
    ):
        pass


def _hang_up(connection: socket.socket) -> None:
    connection.close()


def _talk_nonsense(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    connection.close()


def _answer_something_else(connection: socket.socket) -> None:
    connection.sendall(wire.write(1, wire.Standing("")))
    connection.close()


def _say_nothing(connection: socket.socket) -> None:
    pass


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (_hang_up, "hung up|does not answer"),
        (_talk_nonsense, "hung up"),
        (_answer_something_else, "the writer answered with standing"),
        (_say_nothing, "does not answer: timed out"),
    ],
)
def test_what_is_not_acknowledged_was_not_done(
    directory: Path,
    behave: Callable[[socket.socket], None],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin, "ANSWER_SECONDS", 0.2)
    with (
        listen(directory.parent / "socket") as listener,
        pytest.raises(AuditUnavailable, match=said),
        reached(directory) as log,
    ):
        connection, _ = listener.accept()
        with connection:
            behave(connection)
            log.rotate()


def test_a_log_of_somebody_else_is_not_touched_by_hand(directory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("ONLY ROOT CAN GIVE A DIRECTORY AWAY")
    os.chown(directory, NOBODY, NOBODY)
    before = sorted(path.name for path in directory.iterdir())
    with (
        pytest.raises(AuditUnavailable, match=f"belongs to user id {NOBODY}") as caught,
        reached(directory),
    ):
        pass
    assert caught.value.hint is not None
    assert "sudo -u '#65534'" in caught.value.hint
    assert sorted(path.name for path in directory.iterdir()) == before


def test_where_there_is_no_log_none_is_begun(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="there is no audit log"), reached(tmp_path / "log"):
        pass
    assert not (tmp_path / "log").exists()


def test_served_does_nothing_by_hand(directory: Path) -> None:
    with (
        pytest.raises(AuditUnavailable, match="is not running"),
        admin.served(directory.parent / "socket", {ME}),
    ):
        pass
    with turning(directory.parent), admin.served(directory.parent / "socket", {ME}) as log:
        assert log.refusal() == ""
