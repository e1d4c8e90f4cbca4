"""What is served, to whom, and where."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, UnixConnector
from prometheus_client import CollectorRegistry, Gauge

from appliance.errors import ConfigError
from appliance.metrics.site import MetricsSite
from tests.metrics.exposed import samples


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def a_registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("dispatch_awake", "whether", registry=registry).set(1)
    return registry


@asynccontextmanager
async def served(address: str, ailment: str = "") -> AsyncIterator[ClientSession]:
    """A client of a site at this address."""
    site, ready = MetricsSite(address, a_registry(), lambda: ailment), asyncio.Event()
    is_path = address.startswith("/")
    connector = UnixConnector(address) if is_path else TCPConnector()
    base = "http://localhost" if is_path else f"http://{address}"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(site.run(ready.set))
        await ready.wait()
        async with ClientSession(base, connector=connector) as client:
            yield client
        running.cancel()


@pytest.fixture(params=["loopback", "path"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return free_address() if request.param == "loopback" else str(tmp_path / "metrics.sock")


async def test_metrics_are_what_prometheus_reads(address: str) -> None:
    async with served(address) as client, client.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert samples(await answer.text()) == {"dispatch_awake": 1}


@pytest.mark.parametrize(
    ("ailment", "status", "line"),
    [
        ("", 200, "ok\n"),
        ("the audit log\ncannot be written", 503, "the audit log cannot be written\n"),
    ],
)
async def test_health_is_one_line(address: str, ailment: str, status: int, line: str) -> None:
    async with served(address, ailment) as client, client.get("/healthz") as answer:
        assert (answer.status, await answer.text()) == (status, line)


async def test_there_is_nothing_else_and_nothing_to_change(address: str) -> None:
    async with served(address) as client:
        async with client.get("/") as answer:
            assert answer.status == 404
        async with client.post("/metrics", data="x") as answer:
            assert answer.status == 405


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9750", "127.0.0.1.evil.example"])
async def test_a_page_of_another_name_reads_nothing(host: str) -> None:
    asked = {"Host": host}
    async with (
        served(free_address()) as client,
        client.get("/metrics", headers=asked) as answer,
    ):
        assert answer.status == 403
        assert "dispatch_" not in await answer.text()


@pytest.mark.parametrize("host", ["localhost", "localhost:9750", "127.0.0.1", "[::1]:1", "[::1]"])
async def test_this_machine_may_call_itself_as_it_likes(host: str) -> None:
    asked = {"Host": host}
    async with (
        served(free_address()) as client,
        client.get("/metrics", headers=asked) as answer,
    ):
        assert answer.status == 200


async def test_a_socket_is_for_its_group_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    async with served(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"cannot listen on {address}") as caught:
            await MetricsSite(address, a_registry(), str).run(lambda: None)
    assert "[metrics]" in str(caught.value.hint)
