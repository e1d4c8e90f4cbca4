"""After a restore: what waited is not started, what was set aside is told, once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State as JobState
from appliance.core.model import JobId, Reply, Rich
from appliance.errors import AuditUnavailable
from appliance.services.restoration import Restorer
from appliance.storage.copies import quieten
from appliance.storage.state import SqliteState
from tests.examples import ALICE, NOW, PLACE, approval, job, message
from tests.services.rig import Rig, running

MADE_AT = NOW - 3 * 3600 * 1000


def restored(tmp_path: Path) -> Rig:
    """A rig on a state that was restored: a job in line, one that waits for a yes, a message."""
    with closing(SqliteState.open(tmp_path)) as state, state.transaction():
        state.accept(message("still to be looked at", 7), ALICE)
        for number, what in enumerate((JobState.QUEUED, JobState.WAITING_APPROVAL), 1):
            pending = int(what is JobState.WAITING_APPROVAL)
            state.add_job(job(key=f"telegram:0:{number}", state=what, pending=pending))
        state.save_approval(approval(job=JobId(2)))
        state.post(PLACE, Reply(Rich("an answer of then")))
    quieten(tmp_path / "state.db", MADE_AT)
    return Rig(tmp_path)


def restorer(rig: Rig) -> Restorer:
    return Restorer(rig.state, rig.audit, rig.approvals, rig.outbox, rig.clock)


async def test_what_waited_is_held_and_told_with_a_way_to_do_it_after_all(tmp_path: Path) -> None:
    rig = restored(tmp_path)
    await restorer(rig).run(lambda: None)
    assert rig.audit.names() == ["job.cancelled", "job.cancelled"]
    assert not rig.state.unfinished_jobs()
    kept = rig.state.approval(approval().id)
    assert kept is not None
    assert kept.state is ApprovalState.WITHDRAWN
    async with running(rig):
        told = await rig.chat.until("Restored from a backup")
        assert "It was made 3 h 0 min ago." in told
        assert "1 message was not looked at" in told
        assert "1 answer of then was perhaps never sent" in told
        await rig.chat.until("Job 1 was waiting when the backup was made.")
        assert not rig.agent.tasks
        await rig.clicks(rig.button("Try again"))
        async with asyncio.timeout(5):
            while not rig.agent.tasks:
                await asyncio.sleep(0)
        assert not any("an answer of then" in text for text in rig.chat.messages.values())


async def test_it_is_told_once(tmp_path: Path) -> None:
    rig = restored(tmp_path)
    await restorer(rig).run(lambda: None)
    before = len(rig.audit.commits)
    await restorer(rig).run(lambda: None)
    assert len(rig.audit.commits) == before
    assert rig.state.restoration.made_at() is None


async def test_nothing_is_held_in_an_appliance_that_was_not_restored(tmp_path: Path) -> None:
    rig, is_ready = Rig(tmp_path), asyncio.Event()
    rig.state.add_job(job(state=JobState.QUEUED))
    await restorer(rig).run(is_ready.set)
    assert is_ready.is_set()
    assert len(rig.state.unfinished_jobs()) == 1


async def test_without_a_record_nothing_starts_and_all_is_still_held(tmp_path: Path) -> None:
    rig, is_ready = restored(tmp_path), asyncio.Event()
    rig.audit.broken = "the disk is full"
    with pytest.raises(AuditUnavailable):
        await restorer(rig).run(is_ready.set)
    assert not is_ready.is_set()
    assert len(rig.state.unfinished_jobs()) == 2
    assert rig.state.restoration.made_at() == MADE_AT
