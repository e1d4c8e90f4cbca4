"""The picture: time from left to right, one lane for each actor of a job, or for each job.

Drawn in per cent of the width, so that it fits a telephone and a sheet of paper without becoming
unreadable, and with the words as texts, so that they can be searched and read aloud.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.audit.moments import day_and_time
from appliance.audit.report.gather import Report
from appliance.audit.report.html import NOTHING, Attributes, Markup, element, one_line
from appliance.audit.report.ledger import (
    Tone,
    answered,
    name_of,
    outcome_of_call,
    outcome_of_story,
    word,
)
from appliance.audit.search import Entry
from appliance.audit.story import Call, Story
from appliance.core.model import Millis
from appliance.core.records import Outcome

MAX_LANES = 24
"""Of jobs; beyond that, jobs of one project share a lane."""

_LANE, _AXIS = 46, 26  # heights
_NARROWEST = 0.8  # per cent: what took no time can be seen as well
_DAY = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that took time."""

    begin: Millis
    end: Millis
    kind: str  # of the style sheet: "job", "call" or "wait"
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment."""

    time: Millis
    tone: Tone
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


def timeline(report: Report) -> Markup:
    """The picture of a report, nothing when there is nothing to see."""
    drawn = lanes(report)
    moments = [moment for lane in drawn for moment in _moments(lane)]
    if not moments:
        return NOTHING
    return _picture(drawn, _Scale(min(moments), max(moments)))


def lanes(report: Report) -> list[Lane]:
    """Of one job: its people, its agent, its questions. Of a span: its jobs, and all else."""
    if isinstance(report.subject, int):
        return [lane for story in report.stories for lane in _lanes_of(story)]
    shared = len(report.stories) > MAX_LANES
    names = [story.project if shared else _name(story) for story in report.stories]
    by_name: dict[str, list[Story]] = {}
    for name, story in zip(names, report.stories, strict=True):
        by_name.setdefault(name, []).append(story)
    drawn = [_lane_of(name, stories) for name, stories in by_name.items()]
    others = tuple(_mark(entry) for entry in report.others)
    return [*drawn, Lane("other records", (), others)] if others else drawn


# --- lanes


def _lanes_of(story: Story) -> Iterator[Lane]:
    people: dict[str, list[Mark]] = {}
    for entry in story.records:
        if entry.record.actor.type == "user":
            people.setdefault(name_of(entry.record.actor), []).append(_mark(entry))
    yield from (Lane(name, (), tuple(marks)) for name, marks in people.items())
    if waits := tuple(_waits(story)):
        yield Lane("waiting for approval", waits, ())
    calls = tuple(bar for call in story.calls for bar in _call_bars(call))
    yield Lane("agent", calls, tuple(_bad_marks(story)))


def _lane_of(name: str, stories: Sequence[Story]) -> Lane:
    bars = (_job_bar(story) for story in stories)
    waits = (wait for story in stories for wait in _waits(story))
    marks = (mark for story in stories for mark in (*_bad_marks(story), *_strangers(story)))
    return Lane(name, (*bars, *waits), tuple(marks))


def _name(story: Story) -> str:
    requester = f", {story.requester.id}" if story.requester else ""
    return f"job {story.job} · {story.project}{requester}: {outcome_of_story(story)[0]}"


def _job_bar(story: Story) -> Bar:
    first, last = story.records[0].record, story.records[-1].record
    return Bar(first.time, last.time, "job", _name(story))


def _waits(story: Story) -> Iterator[Bar]:
    last = story.records[-1].record.time
    questions = [*story.approvals, *(a for call in story.calls for a in call.approvals)]
    for approval in questions:
        if approval.asked is not None:
            end = approval.answer.record.time if approval.answer else last
            what = one_line(
                approval.asked.values.get("input", "") or word(approval.asked, "object")
            )
            title = f"{what}: {answered(approval)}"
            yield Bar(approval.asked.record.time, end, "wait", title)


def _call_bars(call: Call) -> Iterator[Bar]:
    if call.started is not None:
        end = (call.finished or call.started).record.time
        title = (
            f"{call.tool}: {one_line(word(call.decision, 'object'))}: {outcome_of_call(call)[0]}"
        )
        yield Bar(call.started.record.time, end, "call", title)


def _bad_marks(story: Story) -> Iterator[Mark]:
    """What the agent was denied, and what failed."""
    for entry in story.records:
        bad = entry.record.outcome in (Outcome.DENIED, Outcome.FAILED)
        if bad and entry.record.actor.type != "user":
            yield _mark(entry)


def _strangers(story: Story) -> Iterator[Mark]:
    for entry in story.records:
        if entry.record.actor.type == "user" and entry.record.outcome is Outcome.DENIED:
            yield _mark(entry)


def _mark(entry: Entry) -> Mark:
    record = entry.record
    tones = {Outcome.DENIED: Tone.BAD, Outcome.FAILED: Tone.BAD}
    tone = Tone.GOOD if record.kind == "approval.given" else tones.get(record.outcome, Tone.PLAIN)
    words = (record.kind, word(entry, "act"), word(entry, "object"), word(entry, "reason"))
    return Mark(record.time, tone, one_line(" ".join(filter(None, words))))


def _moments(lane: Lane) -> Iterator[Millis]:
    for bar in lane.bars:
        yield from (bar.begin, bar.end)
    yield from (mark.time for mark in lane.marks)


# --- drawing


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: Millis
    end: Millis

    def at(self, time: Millis) -> float:
        """Per cent of the width, with a margin for marks at both ends."""
        return 2 + 96 * (time - self.begin) / max(self.end - self.begin, 1)

    def label(self, share: float) -> str:
        moment = Millis(self.begin + int(share * (self.end - self.begin)))
        day, _, clock = day_and_time(moment).partition(" ")
        return clock if self.end - self.begin < _DAY else f"{day} {clock[:5]}"


def _picture(drawn: Sequence[Lane], scale: _Scale) -> Markup:
    height = len(drawn) * _LANE + _AXIS
    return element(
        "svg",
        {
            "class": "timeline",
            "width": "100%",
            "height": height,
            "role": "img",
            "aria-label": "what happened when; the table below says the same in words",
        },
        _PATTERNS,
        *_grid(scale, height),
        *(piece for row, lane in enumerate(drawn) for piece in _lane(lane, row * _LANE, scale)),
    )


_PATTERNS = element(
    "defs",
    {},
    element(
        "pattern",
        {
            "id": "waiting",
            "width": 6,
            "height": 6,
            "patternUnits": "userSpaceOnUse",
            "patternTransform": "rotate(45)",
        },
        element("rect", {"class": "wait-ground", "width": 6, "height": 6}),
        element("rect", {"class": "wait-stripe", "width": 3, "height": 6}),
    ),
)


def _grid(scale: _Scale, height: int) -> Iterator[Markup]:
    bottom = height - _AXIS
    is_moment = scale.begin == scale.end
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = _percent(2 + 96 * share)
        yield element("line", {"class": "grid", "x1": x, "x2": x, "y1": 0, "y2": bottom + 5})
        if not (is_moment and share):
            place: Attributes = {"class": "tick", "x": x, "y": bottom + 19, "text-anchor": anchor}
            yield element("text", place, scale.label(share))


def _lane(lane: Lane, top: int, scale: _Scale) -> Iterator[Markup]:
    yield element("text", {"class": "lane", "x": "2%", "y": top + 14}, one_line(lane.name, 60))
    middle = top + 31
    yield element("line", {"class": "track", "x1": "2%", "x2": "98%", "y1": middle, "y2": middle})
    yield from (_bar(bar, middle, scale) for bar in lane.bars)
    yield from (_drawn_mark(mark, middle, scale) for mark in lane.marks)


def _bar(bar: Bar, middle: int, scale: _Scale) -> Markup:
    begin, end = scale.at(bar.begin), scale.at(bar.end)
    height = 8 if bar.kind == "job" else 14
    place: Attributes = {
        "class": f"bar {bar.kind}",
        "x": _percent(begin),
        "y": middle - height // 2,
        "width": _percent(max(end - begin, _NARROWEST)),
        "height": height,
        "rx": 3,
    }
    return element("rect", place, element("title", {}, bar.title))


_SHAPES = {
    Tone.GOOD: "M-5 0l3.5 4l6.5-8",
    Tone.BAD: "M-4.5-4.5l9 9m0-9l-9 9",
    Tone.PLAIN: "M0-4a4 4 0 1 0 .01 0z",
    Tone.WAITING: "M0-4a4 4 0 1 0 .01 0z",
}


def _drawn_mark(mark: Mark, middle: int, scale: _Scale) -> Markup:
    # a path knows no per cent, so it gets a place of its own
    place: Attributes = {"x": _percent(scale.at(mark.time)), "y": middle, "overflow": "visible"}
    shape = element("path", {"class": f"mark {mark.tone}", "d": _SHAPES[mark.tone]})
    return element("svg", place, element("g", {}, element("title", {}, mark.title), shape))


def _percent(value: float) -> str:
    return f"{value:.2f}%"
