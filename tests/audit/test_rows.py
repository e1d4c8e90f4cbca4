from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit.rows import Gone, rows
from appliance.audit.search import Filter
from appliance.core.events import RecordRedacted
from appliance.core.records import leaf_hash
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, allowed, denied, queued, sample, write
from tests.fakes import FakeClock


def test_rows_are_all_records_in_order_with_their_hashes(tmp_path: Path) -> None:
    found = list(rows(sample(tmp_path)))
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    assert all(row.encoded is not None and leaf_hash(row.encoded) == row.leaf for row in found)
    assert found[1].values == {"input": '{"command":"git log -1"}'}


def test_a_row_names_the_first_signed_head_that_covers_it(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)], [queued(1), denied(1), allowed(2)]], FakeClock())
    assert [row.head and row.head.size for row in rows(path)] == [1, 2, 5, 5, 5, 6]


def test_what_is_unsigned_has_no_head(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)]], FakeClock())
    run(path, "UPDATE leaf SET root=NULL, sig=NULL")
    assert {row.head for row in rows(path)} == {None}


def test_a_value_that_is_gone_says_whether_a_record_tells_of_it(tmp_path: Path) -> None:
    told = RecordRedacted(who=ANNA, seq=2, field="input", reason="a name")
    path = write(tmp_path, [[allowed(1), allowed(2), told]], FakeClock())
    run(path, "DELETE FROM payload")
    assert [dict(row.gone) for row in rows(path) if row.gone] == [
        {"input": Gone.REDACTED},
        {"input": Gone.MISSING},
    ]


def test_a_pruned_record_leaves_its_number_and_hash(tmp_path: Path) -> None:
    path = sample(tmp_path)
    before = list(rows(path))
    run(path, "UPDATE leaf SET rec=NULL WHERE seq=2")
    pruned = list(rows(path))[1]
    assert (pruned.seq, pruned.leaf, pruned.record) == (2, before[1].leaf, None)


def test_a_filter_leaves_out_what_does_not_fit_and_what_is_pruned(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec=NULL WHERE seq=2")
    found = list(rows(path, Filter(kind="request.allowed")))
    assert found
    assert {row.record and row.record.kind for row in found} == {"request.allowed"}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec=x'7b7d' WHERE seq=3")
    with pytest.raises(AuditBroken, match="record 3"):
        list(rows(path))


def test_a_log_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        list(rows(tmp_path / "audit.db"))


def test_progress_is_told_now_and_then(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = write(tmp_path, [[denied(1)] * 1_500], FakeClock())
    assert len(list(rows(path, report=lambda *numbers: told.append(numbers)))) == 1_502
    assert told == [(1_000, 1_502)]
