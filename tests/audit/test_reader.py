from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit.database import DATABASE
from appliance.audit.reader import opened
from appliance.audit.search import Filter
from appliance.core.events import MessageReceived, ToolStarted, Who
from appliance.core.model import Millis
from appliance.core.records import Outcome
from appliance.errors import AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, allowed, denied, entries, queued, write
from tests.fakes import FakeClock

NOW = 1_800_000_000_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Record 1 begins the log; then each event is one second after the one before."""
    events = [
        MessageReceived(who=ANNA, key="k", place="telegram:4711", text='say "Grüße"\n100%'),  # 2
        queued(7),  # 3
        allowed(1),  # 4
        denied(7),  # 5
        ToolStarted(who=Who.agent(7), job=7, request="t", tool="Bash"),  # 6
        ToolStarted(who=Who.agent(8), job=8, request="t", tool="Read"),  # 7
    ]
    return write(tmp_path, [[event] for event in events], FakeClock(NOW))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Filter(who="anna"), [2, 3, 4]),
        (Filter(who="telegram:4711"), [2, 3, 4]),
        (Filter(who="job:8"), [7]),
        (Filter(who="nobody"), []),
        (Filter(project="web"), [3, 4, 5, 6]),
        (Filter(project="we"), []),
        (Filter(job=7), [3, 5, 6]),
        (Filter(kind="request.denied"), [5]),
        (Filter(kind="request"), [4, 5]),
        (Filter(kind="req"), []),
        (Filter(outcome=Outcome.DENIED), [5]),
        (Filter(since=Millis(NOW + 5_000)), [6, 7, 8]),
        (Filter(until=Millis(NOW + 2_000)), [1, 2]),
        (Filter(since=Millis(NOW + 2_000), until=Millis(NOW + 4_000)), [3, 4]),
        (Filter(text="RM -RF"), [5]),
        (Filter(text='SAY "Grüße"'), [2]),
        (Filter(text='"\n100%'), [2]),
        (Filter(text="%"), [2]),
        (Filter(text="git log -1"), [4]),
        (Filter(text="'; DROP TABLE leaf; --"), []),
        (Filter(who="anna", kind="request"), [4]),
    ],
)
def test_filters_find_what_they_say(wanted: Filter, found: list[int], database: Path) -> None:
    assert [entry.record.seq for entry in entries(database, wanted)] == found


def test_the_limit_keeps_the_newest(database: Path) -> None:
    assert [entry.record.seq for entry in entries(database, limit=3)] == [6, 7, 8]


def test_private_values_come_with_their_record(database: Path) -> None:
    (entry,) = entries(database, Filter(kind="message"))
    assert entry.values == {"text": 'say "Grüße"\n100%'}


def test_a_log_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(AuditUnavailable, match="cannot read the audit log"),
        opened(tmp_path / DATABASE),
    ):
        pass


def test_a_damaged_record_is_named(database: Path) -> None:
    run(database, "UPDATE leaf SET rec=CAST('{\"v\":1}' AS BLOB) WHERE seq=4")
    with opened(database) as log:
        assert [entry.record.seq for entry in log.newest(Filter())] == [1, 2, 3, 5, 6, 7, 8]
        assert str(log.damaged[4]).startswith("record 4 of the audit log is damaged")
