"""`dispatchctl audit prune`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.app.audit_commands.prune import MAX_SLICE, steps
from appliance.audit.database import reading
from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.errors import ApplianceError, AuditUnavailable
from tests.app.audit_commands.dispatchctl import audit
from tests.app.audit_commands.kept import DAY_SECONDS, FIRST_DAY, log_of, settings
from tests.audit.logs import entries, queued, write
from tests.fakes import FakeClock


def gone(tmp_path: Path) -> list[int]:
    with reading(log_of(tmp_path)) as log:
        return [seq for (seq,) in log.execute("SELECT seq FROM leaf WHERE rec IS NULL")]


def kinds(tmp_path: Path) -> dict[int, str]:
    with reading(log_of(tmp_path)) as log:
        return {
            seq: json.loads(rec)["kind"] for seq, rec in log.execute("SELECT seq, rec FROM leaf")
        }


def test_what_is_before_a_record_goes_but_for_what_names_keys(tmp_path: Path) -> None:
    file = settings(tmp_path)
    expected = [s for s, kind in kinds(tmp_path).items() if s < 5 and kind == "request.allowed"]
    status, said = audit("prune", "--before", 5, "--reason", "old", "--config", file)
    assert (status, said) == (
        0,
        ["the records before 5 are destroyed but for their hashes, and recorded"],
    )
    assert gone(tmp_path) == expected == [2]
    found = verify(log_of(tmp_path))
    assert found.verdict is Verdict.INTACT, found.reason


def test_a_day_means_everything_before_it(tmp_path: Path) -> None:
    file = settings(tmp_path)
    second_day = datetime.fromtimestamp(FIRST_DAY / 1000 + DAY_SECONDS - 60, UTC).isoformat()
    before = kinds(tmp_path)
    first_kept = min(seq for seq, kind in before.items() if kind == "job.queued") - 1
    status, (line,) = audit(
        "prune", "--before", second_day, "--reason", "old", "--json", "--config", file
    )
    assert status == 0
    assert json.loads(line) == {"format": 1, "pruned": {"before": first_kept}}
    assert gone(tmp_path) == [2]


def test_a_day_after_all_records_means_all_of_them(tmp_path: Path) -> None:
    file = settings(tmp_path)
    queued = [seq for seq, kind in kinds(tmp_path).items() if kind == "job.queued"]
    audit("prune", "--before", "2099-01-01", "--reason", "old", "--config", file)
    assert gone(tmp_path) == [2, *queued]
    assert verify(log_of(tmp_path)).verdict is Verdict.INTACT


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_slices_are_small_and_end_with_what_was_asked_for(pruned: int, first_kept: int) -> None:
    *before, last = steps(pruned, first_kept)
    assert last == first_kept
    ends = [pruned + 1, *before, max(last, pruned + 1)]
    assert all(0 <= end - start <= MAX_SLICE for start, end in pairwise(ends))


def test_a_long_log_is_pruned_in_slices_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = settings(tmp_path)
    write(log_of(tmp_path).parent, [[queued(1)] * MAX_SLICE, [queued(2)] * 2_000], FakeClock())
    audit("prune", "--before", 3, "--reason", "old", "--config", file)
    first_kept = MAX_SLICE + 1_000
    status, said = audit("prune", "--before", first_kept, "--reason", "old", "--config", file)
    assert (status, len(said)) == (0, 1)
    told = entries(log_of(tmp_path), Filter(kind="log.pruned"))
    assert [entry.record.data["before"] for entry in told] == [2, MAX_SLICE + 2, first_kept - 1]
    assert max(gone(tmp_path)) == first_kept - 1
    found = verify(log_of(tmp_path))
    assert found.verdict is Verdict.INTACT, found.reason
    assert found.pruned == len(gone(tmp_path))


def test_what_is_no_record_and_no_day_is_refused(tmp_path: Path) -> None:
    file = settings(tmp_path)
    with pytest.raises(ApplianceError, match="--before yesterday is no moment"):
        audit("prune", "--before", "yesterday", "--reason", "x", "--config", file)
    with pytest.raises(AuditUnavailable, match="nothing to prune before record 1"):
        audit("prune", "--before", 1, "--reason", "x", "--config", file)
    assert gone(tmp_path) == []
