"""The socket of a log that a daemon keeps itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import hosted
from appliance.audit.hosted import HostedServer
from appliance.audit.server import AuditServer
from appliance.audit.writer import Writer
from tests.audit import serving
from tests.audit.logs import BOOT
from tests.audit.serving import EVERYTHING
from tests.fakes import FakeClock


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with closing(Writer(tmp_path / "log", FakeClock(), BOOT)) as writer:
        yield writer


async def test_it_serves_while_it_runs_and_leaves_nothing_behind(
    writer: Writer, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    async with serving.hosted(writer, path):
        reader, stream = await asyncio.open_unix_connection(path)
        stream.write(b'{"v":1,"id":3,"type":"ask_standing"}\n')
        assert await reader.readline() == b'{"v":1,"id":3,"type":"standing","refusal":""}\n'
        stream.close()
    assert not path.exists()


async def test_without_a_socket_the_daemon_goes_on_and_says_so(
    writer: Writer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ready = asyncio.Event()
    path = tmp_path / ("x" * 200)
    with caplog.at_level(logging.WARNING):
        await HostedServer(writer, path, EVERYTHING, FakeClock()).run(ready.set)
    assert ready.is_set()
    assert "the log cannot be administered while we run: cannot listen on" in caplog.text


async def test_the_half_hearted_are_looked_at_though_nothing_happens(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = asyncio.Semaphore(0)
    turn = AuditServer.turn

    def counted(self: AuditServer) -> None:
        turn(self)
        turns.release()

    monkeypatch.setattr(AuditServer, "turn", counted)
    monkeypatch.setattr(hosted, "LOOK_EVERY_SECONDS", 0.01)
    async with serving.hosted(writer, tmp_path / "socket"), asyncio.timeout(5):
        for _ in range(3):
            await turns.acquire()


async def test_what_the_server_raises_ends_the_part(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: AuditServer) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(AuditServer, "turn", broken)
    server = HostedServer(writer, tmp_path / "socket", EVERYTHING, FakeClock())
    with pytest.raises(ZeroDivisionError):
        await server.run(lambda: None)
    assert not (tmp_path / "socket").exists()
