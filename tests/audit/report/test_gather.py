from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit.index import INDEX, LAG
from appliance.audit.reader import opened
from appliance.audit.report import gather as gathering
from appliance.audit.report.gather import Span, gather
from appliance.audit.story import story_in
from appliance.audit.verify import Verdict
from appliance.core.events import RecordRedacted
from appliance.core.model import Millis
from appliance.errors import ApplianceError
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import ANNA
from tests.audit.report.happenings import everything, failure, log_of, others, report_of
from tests.fakes import FakeClock


def test_a_job_is_its_story_and_the_whole_log_is_verified(tmp_path: Path) -> None:
    report = report_of(everything(tmp_path), 13)
    assert [story.job for story in report.stories] == [13]
    assert report.others == ()
    assert report.verification.verdict is Verdict.INTACT
    assert report.verification.size > max(e.record.seq for e in report.stories[0].records)


def test_a_span_is_its_jobs_and_everything_else_once(tmp_path: Path) -> None:
    report = report_of(everything(tmp_path))
    assert [story.job for story in report.stories] == [12, 13, 66]
    told = [e.record.seq for story in report.stories for e in story.records]
    rest = [e.record.seq for e in report.others]
    assert sorted(told + rest) == list(range(1, report.verification.size + 1))


def test_only_records_of_the_span_count(tmp_path: Path) -> None:
    path = log_of(tmp_path, failure(), others())
    begin = FakeClock().now()
    end = Millis(begin + 7_000 * (len(failure()) + 1))
    assert [s.job for s in report_of(path, Span(since=end)).stories] == []
    assert len(report_of(path, Span(since=end)).others) >= len(others())
    assert [s.job for s in report_of(path, Span(until=end)).stories] == [13]


def test_without_an_index_the_same_is_told(tmp_path: Path) -> None:
    path = everything(tmp_path)
    quick = report_of(path)
    path.with_name(INDEX).unlink(missing_ok=True)
    path.with_name(INDEX).mkdir()  # there can be none
    assert report_of(path).stories == quick.stories


def test_with_an_index_the_same_is_told(tmp_path: Path) -> None:
    path = log_of(tmp_path, *(life(job) for job in range(1, LAG // len(life(1)) + 2)), failure())
    report = report_of(path)
    with opened(path) as log:
        assert log.is_indexed
    with opened(path, use_index=False) as log:
        assert report.stories[-1] == story_in(log, report.stories[-1].job)


def test_a_redaction_is_found_with_its_reason(tmp_path: Path) -> None:
    told = RecordRedacted(who=ANNA, seq=2, field="text", reason="a name")
    report = report_of(log_of(tmp_path, life(12), [told]), 12)
    assert report.redactions[2, "text"].record.data["reason"] == "a name"


def test_what_cannot_be_read_is_named_and_the_rest_is_told(tmp_path: Path) -> None:
    path = everything(tmp_path)
    run(path, "UPDATE leaf SET rec=x'7b7d' WHERE seq=3")
    report = report_of(path, 13)
    assert report.unreadable == (3,)
    assert report.verification.verdict is Verdict.TAMPERED


def test_a_job_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="no record is about job 99"):
        report_of(everything(tmp_path), 99)


def test_too_much_for_a_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MAX_RECORDS", 20)
    with pytest.raises(ApplianceError, match="at most 20 records"):
        report_of(everything(tmp_path))


def test_progress_is_told_of_the_verification(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    gather(
        everything(tmp_path),
        13,
        FakeClock().now(),
        reading=lambda done, total: None,
        verifying=lambda done, total: told.append((done, total)),
    )
    assert all(done <= total for done, total in told)
