"""The bridge hands on what connects, and ends with who takes it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.task import bridge

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 10.0


@contextmanager
def running(theirs: socket.socket) -> Iterator[tuple[tuple[str, int], threading.Thread]]:
    """A bridge; where it listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        serving = threading.Thread(target=bridge.serve, args=(listener, theirs))
        serving.start()
        yield listener.getsockname(), serving
        serving.join(PATIENCE_SECONDS)
        assert not serving.is_alive()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = bridge.channel()
    ours.settimeout(PATIENCE_SECONDS)
    with ours, theirs:
        yield ours, theirs


Ends = tuple[socket.socket, socket.socket]


def taken(ours: socket.socket) -> socket.socket:
    message, descriptors, _, _ = socket.recv_fds(ours, 10, 2)
    assert message == bridge.CONNECTION
    (descriptor,) = descriptors
    return socket.socket(fileno=descriptor)


def test_each_connection_is_handed_on_as_a_socket_in_its_order(ends: Ends) -> None:
    ours, theirs = ends
    with running(theirs) as (address, _):
        for number in range(3):
            with socket.create_connection(address) as client, taken(ours) as ours_now:
                assert ours_now.getpeername() == client.getsockname()
                ours_now.sendall(b"%d" % number)
                assert client.recv(10) == b"%d" % number
                ours_now.close()
                assert client.recv(10) == b"", "the bridge keeps no copy"
        ours.close()


def test_it_ends_with_the_other_end_also_while_it_waits_to_hand_on(ends: Ends) -> None:
    ours, theirs = ends
    with running(theirs) as (address, serving):
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        clients = [socket.create_connection(address) for _ in range(10)]
        assert serving.is_alive()
        ours.close()
    for client in clients:
        client.close()


def test_who_has_left_already_is_no_trouble(ends: Ends) -> None:
    ours, theirs = ends
    with running(theirs) as (address, _):
        for _ in range(5):
            with socket.create_connection(address) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with socket.create_connection(address) as client:
            address_of_the_last = client.getsockname()
            while True:
                with taken(ours) as found:
                    try:
                        if found.getpeername() == address_of_the_last:
                            break
                    except OSError:  # one that has left
                        continue
        ours.close()


def test_it_needs_only_a_few_modules_of_the_standard_library() -> None:
    listing = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOADED, str(ROOT)],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = set(listing.stdout.split())
    assert {name for name in loaded if name.startswith("appliance")} == {
        "appliance",
        "appliance.task",
        "appliance.task.bridge",
    }
    assert loaded & {"asyncio", "json", "subprocess", "threading", "logging", "ssl"} == set()


LOADED = """
import sys
sys.path.append(sys.argv[1])
import appliance.task.bridge
print(*sys.modules)
"""
