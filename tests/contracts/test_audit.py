"""What everything behind port `Audit` promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.audit.client import RemoteAudit
from appliance.audit.database import DATABASE
from appliance.audit.log import AuditLog
from appliance.audit.writer import Writer
from appliance.errors import AuditUnavailable
from appliance.ports import Audit
from tests.audit.logs import BOOT, FailingConnection, allowed, denied, entries, queued
from tests.audit.serving import ME, hosted
from tests.fakes import FakeClock
from tests.fakes_audit import MemoryAudit


@dataclass
class Subject:
    """An implementation, how to break it, and what it has recorded of ours."""

    audit: Audit
    fail: Callable[[], None]
    names: Callable[[], list[str]]


@pytest.fixture(params=["memory", "database", "socket"])
async def subject(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Subject]:
    if request.param == "memory":
        memory = MemoryAudit()
        yield Subject(memory, memory.fail, memory.names)
        return

    def names() -> list[str]:
        found = entries(tmp_path / DATABASE)
        return [entry.record.kind for entry in found if entry.record.kind != "audit.sealed"]

    def fail() -> None:
        monkeypatch.setattr(FailingConnection, "broken", "disk I/O error")

    with closing(Writer(tmp_path, FakeClock(), BOOT, factory=FailingConnection)) as writer:
        if request.param == "database":
            yield Subject(AuditLog(writer), fail, names)
        else:
            remote = RemoteAudit(tmp_path / "socket", {ME}, FakeClock())
            async with hosted(writer, tmp_path / "socket"):
                yield Subject(remote, fail, names)
                await remote.close()
        monkeypatch.undo()


async def test_what_is_acknowledged_is_recorded_in_order(subject: Subject) -> None:
    await subject.audit.append(queued(), denied())
    await subject.audit.append(allowed())
    assert subject.names() == ["job.queued", "request.denied", "request.allowed"]


async def test_receipts_count_the_records_and_name_the_head(subject: Subject) -> None:
    first = await subject.audit.append(queued())
    second = await subject.audit.append(denied(), allowed())
    assert second.seq == first.seq + 2
    assert len(first.root) == len(second.root) == 32
    assert first.root != second.root


async def test_concurrent_callers_keep_their_own_order(subject: Subject) -> None:
    receipts = await asyncio.gather(
        *(subject.audit.append(queued(n), denied(n)) for n in range(20))
    )
    assert len({receipt.seq for receipt in receipts}) == 20
    assert subject.names() == ["job.queued", "request.denied"] * 20


async def test_appending_nothing_is_our_mistake(subject: Subject) -> None:
    with pytest.raises(ValueError, match="nothing to append"):
        await subject.audit.append()


async def test_a_log_that_failed_never_acknowledges_again(subject: Subject) -> None:
    await subject.audit.append(queued())
    subject.fail()
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await subject.audit.append(allowed())
    assert subject.names() == ["job.queued"]
