"""Who looks on is told of what was recorded, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from appliance.core.events import DaemonStopped, DaemonStopping, Event
from appliance.errors import AuditUnavailable
from appliance.ports import Receipt
from appliance.services.observed import Observed
from tests.fakes_anchors import AnchorableMemory


async def test_every_event_is_told_to_everybody_once_it_is_recorded() -> None:
    log, seen = AnchorableMemory(), list[tuple[str, list[str], int]]()

    def onlooker(name: str, events: Sequence[Event], receipt: Receipt) -> None:
        assert log.names()[-1] == events[-1].name
        seen.append((name, [event.name for event in events], receipt.seq))

    observed = Observed(log, lambda e, r: onlooker("one", e, r), lambda e, r: onlooker("two", e, r))
    receipt = await observed.append(DaemonStopping(reason="signal"), DaemonStopped())
    assert receipt.seq == observed.seq == 2
    names = ["daemon.stopping", "daemon.stopped"]
    assert seen == [("one", names, 2), ("two", names, 2)]


async def test_what_was_not_recorded_is_not_told() -> None:
    log, seen = AnchorableMemory(), list[object]()
    log.fail()
    observed = Observed(log, lambda events, _: seen.extend(events))
    with pytest.raises(AuditUnavailable):
        await observed.append(DaemonStopped())
    assert (seen, observed.seq) == ([], 0)


async def test_it_is_the_log_for_who_anchors_it() -> None:
    log = AnchorableMemory()
    observed = Observed(log)
    await observed.append(DaemonStopped())
    assert await observed.checkpoint() == await log.checkpoint()
    assert await observed.public_key() == await log.public_key()
    await observed.record_anchor(1, "chat", "receipt")
    assert log.anchored == [(1, "chat", "receipt")]
    with pytest.raises(AuditUnavailable, match="no tree in memory"):
        await observed.prove_growth(1, 1)
