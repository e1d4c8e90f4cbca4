"""A hostile task tries every way out of its network namespace but the one that it was granted."""

from __future__ import annotations

import sys

import pytest

from tests.attacks.egress.conftest import Machine
from tests.egress.real import Task
from tests.egress.rig import DENIED, Daemon

CURL = ("curl", "--silent", "--show-error", "--max-time", "20")


async def python(task: Task, script: str) -> str:
    """What a script of the task's prints."""
    return (await task.run(sys.executable, "-c", script)).output


async def test_a_granted_host_is_reached_by_tunnel_and_by_plain_request(machine: Machine) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    async with machine.task(daemon) as task:
        plain = await task.run(*CURL, "http://public.example/")
        tunnel = await task.run(*CURL, "--proxytunnel", "http://public.example/")
        await daemon.has(2)
    assert plain.output == tunnel.output == "you have reached 93.184.216.34 port 80"
    assert [event.address for event in daemon.recorded] == ["93.184.216.34"] * 2
    assert {event.reason for event in daemon.recorded} == {""}


async def test_a_denied_host_is_refused_with_the_reason(machine: Machine) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    async with machine.task(daemon) as task:
        plain = await task.run(*CURL, "--write-out", "%{http_code}", "http://other.example/")
        tunnel = await task.run(*CURL, "--include", "https://other.example/")
        port = await task.run(*CURL, "--proxytunnel", "http://public.example:81/")
    assert plain.output == f"{DENIED}\n403"
    assert f"HTTP/1.1 403 {DENIED}" in tunnel.output
    assert "response 403" in port.output
    assert daemon.asked == ["other.example:80", "other.example:443", "public.example:81"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("inside.example:80", "resolves to 10.0.0.7"),
        ("mixed.example:80", "resolves to 10.0.0.7"),
        ("metadata.example:80", "resolves to 169.254.169.254"),
        ("loop.example:80", "resolves to 127.0.0.1"),
        ("localtest.example:80", "resolves to 127.0.0.1"),
        ("ourselves.example:80", "is this machine itself"),
        ("151.101.1.1:80", "is this machine itself"),
        ("0.0.0.0:80", "is not the address of a host"),
        ("255.255.255.255:80", "is not the address of a host"),
        ("nobody.example:80", "does not resolve"),
    ],
)
async def test_a_name_may_lead_to_the_internet_only_even_when_it_is_granted(
    machine: Machine, target: str, why: str
) -> None:
    daemon = Daemon(allowed={target})
    async with machine.task(daemon) as task:
        found = await task.run(*CURL, f"http://{target}/")
    assert why in found.output
    assert "you have reached" not in found.output
    (event,) = daemon.recorded
    assert why in event.reason


@pytest.mark.parametrize(
    "target",
    ["169.254.169.254", "10.0.0.7", "127.0.0.1", "192.168.77.1", "[::ffff:127.0.0.1]", "[::1]"],
)
async def test_an_address_inside_is_asked_for_and_refused_without_a_grant_of_its_own(
    machine: Machine, target: str
) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    async with machine.task(daemon) as task:
        found = await task.run(*CURL, "--globoff", f"http://{target}/latest/meta-data/")
    assert DENIED in found.output
    asked = target.strip("[]").removeprefix("::ffff:")
    assert daemon.asked == [f"{asked}:80"]


@pytest.mark.parametrize(
    "target", ["127.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "1.2.3"]
)
async def test_odd_spellings_of_an_address_are_no_targets(machine: Machine, target: str) -> None:
    daemon = Daemon(allowed={f"{target}:80", "127.0.0.1:80"})
    script = TALK.format(sent=f"CONNECT {target}:80 HTTP/1.1\r\n\r\n")
    async with machine.task(daemon) as task:
        assert "HTTP/1.1 400 " in await python(task, script)
    assert daemon.asked == []


TALK = """
import socket
with socket.create_connection(("127.0.0.1", 3128)) as proxy:
    proxy.sendall({sent!r}.encode())
    proxy.shutdown(socket.SHUT_WR)
    while data := proxy.recv(65536):
        print(data.decode(errors="replace"))
"""


async def test_the_proxy_through_the_proxy_is_refused(machine: Machine) -> None:
    daemon = Daemon(allowed={"127.0.0.1:3128"})
    async with machine.task(daemon) as task:
        found = await task.run(*CURL, "--proxytunnel", "http://127.0.0.1:3128/")
        assert "response 403" in found.output
    (event,) = daemon.recorded
    assert event.reason == "127.0.0.1:3128 is this proxy itself"


async def test_inside_a_tunnel_the_host_is_asked_and_not_the_proxy(machine: Machine) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    script = CONNECT_INSIDE.format(target="public.example:80", inner="169.254.169.254:80")
    async with machine.task(daemon) as task:
        said = await python(task, script)
    assert said.startswith("HTTP/1.1 200 Connection established")
    assert "HTTP/1.1 501" in said, "what the host, which is no proxy, says to CONNECT"
    assert daemon.asked == ["public.example:80"]


CONNECT_INSIDE = """
import socket
with socket.create_connection(("127.0.0.1", 3128)) as proxy:
    proxy.sendall(b"CONNECT {target} HTTP/1.1\\r\\n\\r\\n")
    print(proxy.recv(65536).decode())
    proxy.sendall(b"CONNECT {inner} HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n")
    while data := proxy.recv(65536):
        print(data.decode())
"""


async def test_a_second_request_on_the_connection_of_a_first_reaches_nobody_else(
    machine: Machine,
) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    requests = (
        "GET http://public.example/ HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"
        "GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
    )
    async with machine.task(daemon) as task:
        said = await python(task, TALK.format(sent=requests))
    assert "you have reached 93.184.216.34" in said
    assert "169.254.169.254" not in said
    assert daemon.asked == ["public.example:80"]


@pytest.mark.parametrize(
    "script",
    [
        "s.create_connection(('93.184.216.34', 80), 3)",
        "s.create_connection(('10.0.0.7', 22), 3)",
        "s.create_connection(('127.0.0.1', 80), 3)",
        "s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'x', ('93.184.216.34', 53))",
        "s.socket(s.AF_INET6, s.SOCK_DGRAM).sendto(b'x', ('2606:4700::1111', 53))",
        "s.getaddrinfo('public.example.invalid', 80)",
    ],
)
async def test_there_is_no_way_beside_the_proxy(machine: Machine, script: str) -> None:
    daemon = Daemon()
    async with machine.task(daemon) as task:
        found = await task.run(sys.executable, "-c", f"import socket as s; {script}")
    assert found.status != 0
    assert "rror: " in found.output
    assert daemon.asked == []
