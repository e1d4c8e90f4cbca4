from __future__ import annotations

import asyncio
import time
from pathlib import Path
from sqlite3 import Connection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.audit.checkpoint import parse_note
from appliance.audit.database import DATABASE
from appliance.audit.log import AuditLog
from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.core.events import JobFinished
from appliance.errors import AuditUnavailable
from appliance.ports import Clock, Receipt
from tests.audit.logs import ANNA, BOOT, FailingConnection, allowed, denied, entries, queued
from tests.fakes import FakeClock
from tests.fakes_clock import HurriedClock


def opened(directory: Path, clock: Clock, factory: type[Connection] = Connection) -> AuditLog:
    return AuditLog(Writer(directory, clock, BOOT, factory=factory))


async def test_what_is_acknowledged_can_be_read_by_another_connection(tmp_path: Path) -> None:
    async with opened(tmp_path, FakeClock()) as log:
        receipt = await log.append(queued(), allowed())
        found = entries(tmp_path / DATABASE)
        assert [entry.record.kind for entry in found[-2:]] == ["job.queued", "request.allowed"]
        assert found[-1].record.seq == receipt.seq
        assert verify(tmp_path / DATABASE).root == receipt.root


async def test_many_waiting_callers_share_a_commit(tmp_path: Path) -> None:
    async with opened(tmp_path, FakeClock()) as log:
        receipts = await asyncio.gather(*(log.append(allowed(n)) for n in range(100)))
    assert sorted(receipt.seq for receipt in receipts) == list(range(2, 102))
    assert len({receipt.root for receipt in receipts}) < 20
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


async def test_a_cancelled_caller_does_not_disturb_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path, FakeClock()) as log, asyncio.TaskGroup() as group:
        tasks = [group.create_task(log.append(allowed(n))) for n in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
    assert sum(task.cancelled() for task in tasks) == 1
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


async def test_an_event_that_no_record_can_hold_is_refused_alone(tmp_path: Path) -> None:
    impossible = JobFinished(
        job=1,
        cost_microdollars=2**60,
        input_tokens=1,
        output_tokens=1,
        duration_ms=1,
        answer_sha256="",
    )
    async with opened(tmp_path, FakeClock()) as log:
        with pytest.raises(AuditUnavailable, match=r"job\.finished cannot be recorded"):
            await log.append(queued(), impossible)
        assert (await log.append(queued())).seq == 2


async def test_a_closed_log_takes_nothing_more(tmp_path: Path) -> None:
    log = opened(tmp_path, FakeClock())
    waiting = asyncio.gather(*(log.append(allowed(n)) for n in range(5)))
    await asyncio.sleep(0)
    await log.close()
    assert len(await waiting) == 5
    with pytest.raises(AuditUnavailable, match="closed"):
        await log.append(allowed())


async def test_the_key_is_rotated_while_there_is_activity(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock) as log:
        await log.append(queued())
        clock.advance(14 * 60)
        await log.append(queued())
        assert (tmp_path / "epoch-1.key").exists()
        clock.advance(2 * 60)
        await log.append(queued())
        await log.append(queued())
        assert not (tmp_path / "epoch-1.key").exists()
        assert (tmp_path / "epoch-2.key").exists()
    assert verify(tmp_path / DATABASE).epochs == 3


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=12))
def test_any_order_of_concurrent_appends_gives_one_chain(
    plan: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("log")
    receipts = asyncio.run(_append_all(directory, plan))
    assert len({receipt.seq for receipt in receipts}) == len(plan)
    found = verify(directory / DATABASE)
    assert found.verdict is Verdict.INTACT
    # genesis, the records of the plan, and the key's rotation at the end
    assert found.size == 2 + sum(count for count, _ in plan)


async def _append_all(directory: Path, plan: list[tuple[int, int]]) -> list[Receipt]:
    async def one(log: AuditLog, count: int, turns: int) -> Receipt:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await log.append(*[denied(count)] * count)

    async with opened(directory, FakeClock()) as log:
        return await asyncio.gather(*(one(log, *item) for item in plan))


# --- a disk that fails


@pytest.mark.parametrize("reason", ["disk I/O error", "database or disk is full"])
async def test_after_a_failed_commit_nothing_is_ever_acknowledged(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path, FakeClock(), FailingConnection)
    assert (await log.append(queued(1))).seq == 2
    monkeypatch.setattr(FailingConnection, "broken", reason)
    outcomes = await asyncio.gather(
        *(log.append(queued(n)) for n in range(2, 5)), return_exceptions=True
    )
    assert all(isinstance(outcome, AuditUnavailable) for outcome in outcomes)
    assert reason in str(outcomes[0])
    monkeypatch.setattr(FailingConnection, "broken", "")
    with pytest.raises(AuditUnavailable, match=reason):
        await log.append(queued(6))
    await log.close()
    async with opened(tmp_path, FakeClock()) as again:
        assert (await again.append(queued(7))).seq == 4  # after the rotation at the start
    assert verify(tmp_path / DATABASE).verdict is Verdict.INTACT


async def test_the_ballast_is_given_back_when_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path, FakeClock(), FailingConnection)
    assert (tmp_path / "ballast").stat().st_size == 1 << 20
    monkeypatch.setattr(FailingConnection, "broken", "database or disk is full")
    with pytest.raises(AuditUnavailable):
        await log.append(queued())
    assert not (tmp_path / "ballast").exists()
    await log.close()
    monkeypatch.setattr(FailingConnection, "broken", "")
    await opened(tmp_path, FakeClock()).close()
    assert (tmp_path / "ballast").stat().st_size == 1 << 20


async def test_an_append_is_quick_enough_to_do_before_every_act(tmp_path: Path) -> None:
    """A loose bound that catches a lost millisecond, not a benchmark."""
    async with opened(tmp_path, FakeClock()) as log:
        await log.append(allowed())
        begin = time.process_time()
        for number in range(50):
            await log.append(allowed(number))
        assert (time.process_time() - begin) / 50 < 0.005


# --- what administrators and the clock do


async def test_a_checkpoint_covers_everything_that_waits(tmp_path: Path) -> None:
    async with opened(tmp_path, FakeClock()) as log, asyncio.TaskGroup() as group:
        append = group.create_task(log.append(queued()))
        await asyncio.sleep(0)
        note = parse_note(await log.checkpoint())
        await log.record_anchor(note.checkpoint.size, "chat", str(note))
        assert note.checkpoint.size == (await append).seq == 2
        assert note.checkpoint.root == append.result().root


async def test_records_can_be_redacted_and_pruned_while_the_log_is_written(tmp_path: Path) -> None:
    writer = Writer(tmp_path, FakeClock(), BOOT)
    async with AuditLog(writer) as log:
        await log.append(allowed(), queued())
        writer.redact(2, "input", "a customer asked", ANNA)
        writer.rotate()
        writer.prune(4, "kept long enough", ANNA)
        await log.append(queued())
    found = verify(tmp_path / DATABASE)
    assert (found.verdict, found.redacted) == (Verdict.INTACT, 1)


async def test_a_closed_log_gives_no_checkpoint(tmp_path: Path) -> None:
    log = opened(tmp_path, FakeClock())
    await log.close()
    for act in (log.checkpoint(), log.record_anchor(1, "chat", "thanks")):
        with pytest.raises(AuditUnavailable, match="closed"):
            await act


async def test_the_log_ticks_as_a_part_of_the_daemon(tmp_path: Path) -> None:
    clock, ready = HurriedClock(), asyncio.Event()
    log = opened(tmp_path, clock)
    async with log, asyncio.TaskGroup() as group:
        ticking = group.create_task(log.ticking(ready.set))
        await ready.wait()
        while sum(clock.naps) < 2.5 * 3600:
            await asyncio.sleep(0)
        ticking.cancel()
    found = entries(tmp_path / DATABASE, Filter(kind="audit.ticked"))
    assert len(found) == 2


async def test_ticking_goes_on_when_the_disk_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HurriedClock()
    log = opened(tmp_path, clock, FailingConnection)
    monkeypatch.setattr(FailingConnection, "broken", "disk I/O error")
    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(log.ticking(lambda: None))
        while sum(clock.naps) < 3 * 3600:
            await asyncio.sleep(0)
        ticking.cancel()
    assert "disk I/O error" in log.refusal
    assert caplog.text.count("was not kept in order") == 1
    await log.close()
