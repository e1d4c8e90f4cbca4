from __future__ import annotations

from pathlib import Path

from appliance.audit.report.stories import Teller, moment
from appliance.core.events import RecordRedacted
from appliance.core.model import Millis
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import ANNA
from tests.audit.report.happenings import failure, log_of, report_of


def told(path: Path, job: int) -> str:
    report = report_of(path, job)
    return Teller(report.redactions).told(report.stories[0]).text


def test_a_story_has_message_rule_questions_calls_and_result(tmp_path: Path) -> None:
    text = told(log_of(tmp_path, life(12)), 12)
    for words in (
        "ship release 12.2 to production",
        "/etc/dispatch/policies/default.csv:14",
        "asked for from operator or owner",
        "given by ben (telegram:815) after 14 s",
        "eve (telegram:666) tried to answer: may not answer this approval",
        "make test",
        "184 passed in 12.31s",
        "denied: outside of the project",
        "Release 12.2 is live.",
        "$0.41",
        "bubblewrap",
    ):
        assert words in text
    assert text.count("./migrate --environment production --yes") == 1


def test_an_edit_is_shown_as_a_change(tmp_path: Path) -> None:
    text = told(log_of(tmp_path, failure()), 13)
    assert '<span class="removed">-     return None\n</span>' in text
    assert '<span class="added">+     return date.fromisoformat(text)\n</span>' in text
    assert '<span class="kept">  def parse(text):\n</span>' in text


def test_a_redacted_value_says_who_and_why_and_a_lost_one_that_nobody_does(tmp_path: Path) -> None:
    redaction = RecordRedacted(who=ANNA, seq=2, field="text", reason="a name")
    path = log_of(tmp_path, life(12), [redaction])
    run(path, "DELETE FROM payload WHERE seq=2 OR name='answer'")
    text = told(path, 12)
    assert "The text was redacted by anna (telegram:4711): a name" in text
    assert "The answer is gone, and no record says why." in text


def test_a_story_without_an_end_says_so(tmp_path: Path) -> None:
    assert "No record tells how this job ended." in told(log_of(tmp_path, life(12)[:8]), 12)


def test_moments_are_utc() -> None:
    assert 'datetime="2027-01-15T08:00:00.123Z"' in moment(Millis(1_800_000_000_123)).text
    assert f"{2**53 - 1}" in moment(Millis(2**53 - 1)).text
