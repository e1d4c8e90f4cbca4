"""Which log the daemon gets, and from whom it takes it."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.app.audit_access import audit_socket
from appliance.app.recorder import recorder
from appliance.audit.client import RemoteAudit
from appliance.audit.log import AuditLog
from appliance.audit.writer import Writer
from appliance.config import AuditSettings, Settings, load
from appliance.errors import AuditBroken, AuditUnavailable, ConfigError
from tests.app.audit_commands.kept import log_of, settings
from tests.audit.logs import BOOT, queued
from tests.audit.serving import hosted
from tests.fakes import FakeClock


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return load(settings(tmp_path))


def _with(plain: Settings, **audit: str) -> Settings:
    return replace(plain, audit=replace(AuditSettings(), **audit))  # type: ignore[arg-type]


async def test_without_a_socket_the_daemon_writes_and_is_administered(plain: Settings) -> None:
    found = recorder(plain, FakeClock())
    assert isinstance(found.log, AuditLog)
    assert [part.name for part in found.parts] == ["audit ticking", "audit socket", "healing"]
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        served = group.create_task(_run(found.parts[1].run, ready))
        await ready.wait()
        assert audit_socket(plain).is_socket()
        served.cancel()
    assert (await found.log.append(queued())).seq > 1
    await found.log.close()


async def _run(run: object, ready: asyncio.Event) -> None:
    await run(ready.set)  # type: ignore[operator]


async def test_with_a_socket_dispatch_audit_writes(plain: Settings, tmp_path: Path) -> None:
    remote = _with(plain, socket=f"{tmp_path}/socket", user=str(os.getuid()))
    found = recorder(remote, FakeClock())
    assert isinstance(found.log, RemoteAudit)
    assert [part.name for part in found.parts] == ["audit"]
    with pytest.raises(AuditUnavailable, match="dispatch-audit is not running"):
        await found.log.append(queued())
    with closing(Writer(tmp_path / "log", FakeClock(), BOOT)) as writer:
        async with hosted(writer, tmp_path / "socket"):
            await found.log.append(queued())
            await found.log.close()


def test_a_user_that_does_not_exist_stops_the_start(plain: Settings) -> None:
    with pytest.raises(ConfigError, match="no user called nobody-at-all"):
        recorder(_with(plain, socket="/run/x", user="nobody-at-all"), FakeClock())


def test_a_log_with_less_than_the_anchor_file_knows_is_not_continued(
    plain: Settings, tmp_path: Path
) -> None:
    directory = log_of(tmp_path).parent
    before = {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}
    with closing(Writer(directory, FakeClock(), BOOT)) as writer:
        (tmp_path / "anchors").write_text(str(writer.head()))
    for path in directory.iterdir():
        path.unlink()
    for name, content in before.items():
        (directory / name).write_bytes(content)
    with pytest.raises(AuditBroken):
        recorder(_with(plain, anchor_file=f"{tmp_path}/anchors"), FakeClock())
