from __future__ import annotations

import re
from pathlib import Path

from appliance.audit.report.gather import Span
from appliance.audit.report.html import NOTHING
from appliance.audit.report.ledger import Tone
from appliance.audit.report.timeline import MAX_LANES, lanes, timeline
from appliance.core.events import JobQueued
from appliance.core.model import Millis
from tests.audit.lives import life
from tests.audit.logs import ANNA
from tests.audit.report.happenings import everything, failure, log_of, others, report_of


def test_a_job_has_lanes_for_its_people_its_questions_and_its_agent(tmp_path: Path) -> None:
    drawn = lanes(report_of(log_of(tmp_path, life(12)), 12))
    assert [lane.name for lane in drawn] == [
        "anna (telegram:4711)",
        "eve (telegram:666)",
        "ben (telegram:815)",
        "waiting for approval",
        "agent",
    ]
    waiting, agent = drawn[-2:]
    assert [bar.end - bar.begin for bar in waiting.bars] == [14_000, 7_000]
    assert [bar.kind for bar in agent.bars] == ["call", "call"]
    assert [mark.tone for mark in agent.marks] == [Tone.BAD]


def test_a_span_has_a_lane_for_each_job_and_one_for_the_rest(tmp_path: Path) -> None:
    drawn = lanes(report_of(log_of(tmp_path, life(12), failure(), others())))
    assert [lane.name for lane in drawn] == [
        "job 12 · web, anna: finished",
        "job 13 · web, anna: failed",
        "other records",
    ]
    assert [bar.kind for bar in drawn[1].bars] == ["job", "wait", "wait"]


def test_many_jobs_share_the_lanes_of_their_projects(tmp_path: Path) -> None:
    jobs = [
        JobQueued(who=ANNA, cause=(f"k{job}",), job=job, project="web", kind="prompt")
        for job in range(1, MAX_LANES + 2)
    ]
    drawn = lanes(report_of(log_of(tmp_path, jobs)))
    assert [lane.name for lane in drawn] == ["web", "other records"]
    assert len(drawn[0].bars) == MAX_LANES + 1


def test_everything_drawn_is_inside_the_picture(tmp_path: Path) -> None:
    drawn = timeline(report_of(everything(tmp_path))).text
    begins = [float(x) for x in re.findall(r' x="([\d.]+)%"', drawn)]
    ends = [
        float(x) + float(w)
        for x, w in re.findall(r' x="([\d.]+)%" y="\d+" width="([\d.]+)%', drawn)
    ]
    assert min(begins) >= 2
    assert max(begins) <= 98
    assert max(ends) <= 100


def test_one_moment_can_be_drawn(tmp_path: Path) -> None:
    path = log_of(tmp_path, others())
    first = Span(until=Millis(report_of(path).others[0].record.time + 1))
    assert timeline(report_of(path, first)) is not NOTHING


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    path = log_of(tmp_path, others())
    assert timeline(report_of(path, Span(until=Millis(0)))) is NOTHING
