"""Stories and single records as lines of one kind: who, what, rule, approval, outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.audit import search
from appliance.audit.report.gather import Report
from appliance.audit.report.html import one_line
from appliance.audit.search import Entry
from appliance.audit.story import Approval, Call, Step, Story
from appliance.core.events import ActorType, Who
from appliance.core.model import Millis
from appliance.core.records import Outcome, Record
from appliance.core.words import duration


class Tone(StrEnum):
    """How a line or a mark looks."""

    GOOD = "good"
    BAD = "bad"
    WAITING = "waiting"
    PLAIN = "plain"


TONES = {
    Outcome.ALLOWED: Tone.GOOD,
    Outcome.SUCCEEDED: Tone.GOOD,
    Outcome.ASKED: Tone.WAITING,
    Outcome.UNKNOWN: Tone.WAITING,
    Outcome.DENIED: Tone.BAD,
    Outcome.FAILED: Tone.BAD,
    Outcome.CANCELLED: Tone.BAD,
    Outcome.NOTED: Tone.PLAIN,
}

_MENTIONED = ("act", "tool", "object", "platform", "count", "field", "path", "version", "sink")


_WORTH_A_LINE = (Outcome.DENIED, Outcome.FAILED)
"""Of what happens in a job besides calls and questions."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was asked for, and what came of it. `job` is 0 where none is concerned."""

    seq: int
    time: Millis
    job: int
    who: str
    what: str
    rule: str
    approval: str
    outcome: str
    tone: Tone


def ledger(report: Report) -> list[Line]:
    """The lines of a report, in the order of the log."""
    told = [line for story in report.stories for line in _of_story(story)]
    return sorted([*told, *map(_of_entry, report.others)], key=lambda line: line.seq)


def name_of(who: Who) -> str:
    """A name, and of a person how they were known; whose agent it is tells the job."""
    return f"{who.id} ({who.auth})" if who.auth and who.type is ActorType.USER else who.id


def rule_of(entry: Entry | None) -> str:
    """File and line, without the directory."""
    return one_line(word(entry, "rule").rpartition("/")[2])


def word(entry: Entry | None, name: str) -> str:
    """A text field of a record; "" when there is no such field or no record."""
    return search.word(entry.record, name) if entry else ""


def answered(approval: Approval) -> str:
    """How a question ended: "given by ben after 42 s"."""
    if approval.answer is None:
        return "not answered"
    how = approval.answer.record.kind.partition(".")[2]
    by = "" if how == "expired" else f" by {name_of(approval.answer.record.actor)}"
    waited = approval.milliseconds
    return f"{how}{by}" + ("" if waited is None else f" after {duration(waited)}")


def outcome_of_call(call: Call) -> tuple[str, Tone]:
    """What came of a call, in a word or two."""
    if call.finished is not None:
        failed = call.finished.record.outcome is Outcome.FAILED
        return ("failed", Tone.BAD) if failed else ("done", Tone.GOOD)
    if call.decision is not None and call.decision.record.kind == "request.denied":
        return f"denied: {one_line(word(call.decision, 'reason'))}", Tone.BAD
    if call.started is not None:
        return "started, end unknown", Tone.WAITING
    if call.approvals and not _is_given(call.approvals[-1]):
        return "not run", Tone.BAD
    return ("allowed, not run", Tone.WAITING) if call.decision else ("unknown", Tone.WAITING)


def outcome_of_story(story: Story) -> tuple[str, Tone]:
    """How a job ended, in a word or two."""
    if story.ending is None:
        return ("unfinished", Tone.WAITING) if story.started or story.queued else _unborn(story)
    how = story.ending.record.kind.partition(".")[2].replace("_", " ")
    return how, TONES[story.ending.record.outcome]


def _unborn(story: Story) -> tuple[str, Tone]:
    answers = [a.answer for a in story.approvals if a.answer]
    return (
        (answers[-1].record.kind.partition(".")[2], Tone.BAD)
        if answers
        else ("asked", Tone.WAITING)
    )


def _is_given(approval: Approval) -> bool:
    return approval.answer is not None and approval.answer.record.kind == "approval.given"


# --- lines


def _of_story(story: Story) -> Iterator[Line]:
    yield _asked_for(story)
    for step in story.steps:
        yield from _of_step(story, step)


def _asked_for(story: Story) -> Line:
    first = story.records[0].record
    outcome, tone = outcome_of_story(story)
    text = story.message.values.get("text", "") if story.message else ""
    return Line(
        seq=first.seq,
        time=first.time,
        job=story.job,
        who=name_of(story.requester or first.actor),
        what=one_line(text) or word(story.decision, "object") or f"job {story.job}",
        rule=rule_of(story.decision),
        approval="; ".join(map(answered, story.approvals)),
        outcome=outcome,
        tone=tone,
    )


def _of_step(story: Story, step: Step) -> Iterator[Line]:
    match step:
        case Call():
            yield _of_call(story, step)
            for approval in step.approvals:
                yield from map(_of_entry, approval.strangers)
        case Approval():
            yield from map(_of_entry, step.strangers)
        case Entry():
            if step is not story.ending and step.record.outcome in _WORTH_A_LINE:
                yield _of_entry(step)


def _of_call(story: Story, call: Call) -> Line:
    asked = [approval.asked for approval in call.approvals if approval.asked]
    first = min(
        (e for e in (*asked, call.decision, call.started, call.finished) if e),
        key=lambda entry: entry.record.seq,
    )
    outcome, tone = outcome_of_call(call)
    words = word(call.decision, "object") or (asked[0].values.get("input", "") if asked else "")
    return Line(
        seq=first.record.seq,
        time=first.record.time,
        job=story.job,
        who=name_of(first.record.actor),
        what=f"{call.tool or 'a call'}: {one_line(words)}" if words else call.tool or "a call",
        rule=rule_of(call.decision) or rule_of(asked[0] if asked else None),
        approval="; ".join(map(answered, call.approvals)),
        outcome=outcome,
        tone=tone,
    )


def _of_entry(entry: Entry) -> Line:
    record = entry.record
    is_fact = record.outcome is Outcome.NOTED
    reason = one_line(word(entry, "reason"))
    kind = "" if word(entry, "act") else record.kind  # what was asked for says more
    job = record.data.get("job", 0)
    return Line(
        seq=record.seq,
        time=record.time,
        job=job if isinstance(job, int) else 0,
        who=name_of(record.actor),
        what=" ".join(filter(None, [kind, *_mentions(record), reason if is_fact else ""])),
        rule=rule_of(entry),
        approval="",
        outcome="" if is_fact else ": ".join(filter(None, (record.outcome, reason))),
        tone=TONES[record.outcome],
    )


def _mentions(record: Record) -> Sequence[str]:
    return [one_line(str(record.data[name])) for name in _MENTIONED if record.data.get(name)]
