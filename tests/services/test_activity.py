"""What came this way counts; what the log says about itself does not."""

from __future__ import annotations

import asyncio

import pytest

from appliance.core.events import DaemonStopped
from appliance.errors import AuditUnavailable
from appliance.services.activity import Activity
from tests.fakes_audit import MemoryAudit


async def test_records_are_passed_on_and_counted() -> None:
    log = MemoryAudit()
    activity = Activity(log)
    receipt = await activity.append(DaemonStopped(), DaemonStopped())
    assert activity.seq == receipt.seq == 2
    await log.append(DaemonStopped())
    assert activity.seq == 2


async def test_who_waits_is_told_of_the_next_record() -> None:
    activity = Activity(MemoryAudit())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(activity.beyond(0))
        second = group.create_task(activity.beyond(1))
        await activity.append(DaemonStopped())
        await first
        assert not second.done()
        await activity.append(DaemonStopped())
    await activity.beyond(1)


async def test_what_was_not_recorded_is_no_activity() -> None:
    log = MemoryAudit()
    log.fail()
    activity = Activity(log)
    with pytest.raises(AuditUnavailable):
        await activity.append(DaemonStopped())
    assert activity.seq == 0
