"""A job as it happened: the message, the decision, questions and answers, calls, the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.audit.moments import day_and_time, utc
from appliance.audit.reader import Redactions
from appliance.audit.report.html import (
    NOTHING,
    Child,
    Markup,
    element,
    joined,
    shortened,
)
from appliance.audit.report.ledger import (
    TONES,
    Tone,
    answered,
    name_of,
    outcome_of_call,
    outcome_of_story,
    word,
)
from appliance.audit.search import Entry
from appliance.audit.story import Approval, Call, Protection, Step, Story
from appliance.core.changes import change
from appliance.core.model import Millis
from appliance.core.words import duration

_COLUMN = {"-": "removed", "+": "added", " ": "kept"}


def moment(time: Millis) -> Markup:
    """Date and time, with the exact moment for those who look closer."""
    exact = utc(time)
    day, clock = (element("span", {}, part) for part in day_and_time(time).split(" "))
    return element("time", {"datetime": exact, "title": exact}, day, " ", clock)


def number(seq: int) -> Markup:
    """Where it stands in the log."""
    return element("span", {"class": "seq", "title": "number of the record"}, f"#{seq}")


def pill(words: str, tone: Tone) -> Markup:
    return element("span", {"class": f"pill {tone}"}, words) if words else NOTHING


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells stories; `redactions` are the records that say why a private value is gone."""

    redactions: Redactions

    def told(self, story: Story) -> Markup:
        """The section of one job."""
        outcome, tone = outcome_of_story(story)
        return element(
            "section",
            {"class": "story", "id": f"job-{story.job}"},
            element("h2", {}, f"Job {story.job}", _aside(story.project), pill(outcome, tone)),
            _facts(_story_facts(story)),
            *self._asked_for(story),
            element("ol", {"class": "steps"}, *(self._step(story, step) for step in story.steps)),
            *self._result(story),
            _protected(story.protection),
        )

    def _asked_for(self, story: Story) -> Iterator[Markup]:
        if story.message is not None:
            yield element(
                "blockquote",
                {},
                self._value(story.message, "text"),
                number(story.message.record.seq),
            )
        if story.decision is not None:
            yield _decided(story.decision)

    def _result(self, story: Story) -> Iterator[Markup]:
        if story.ending is None:
            yield element("p", {"class": "note"}, "No record tells how this job ended.")
            return
        outcome, tone = outcome_of_story(story)
        reason = word(story.ending, "reason")
        head = element(
            "p",
            {"class": "verb"},
            pill(outcome, tone),
            reason,
            moment(story.ending.record.time),
            number(story.ending.record.seq),
        )
        yield element("div", {"class": f"result {tone}"}, head, self._value(story.ending, "answer"))

    def _step(self, story: Story, step: Step) -> Markup:
        match step:
            case Call():
                return self._call(step)
            case Approval():
                return element("li", {"class": "step"}, self._asked(step))
            case Entry():
                return NOTHING if step is story.ending else self._event(step)

    def _event(self, entry: Entry) -> Markup:
        record = entry.record
        what = record.kind.replace(".", " ").replace("_", " ")
        words = [word(entry, name) for name in ("act", "object", "reason")]
        return element(
            "li",
            {"class": "event"},
            element("strong", {}, what),
            " ".join(filter(None, words)),
            element("span", {"class": "who"}, name_of(record.actor)),
            moment(record.time),
            number(record.seq),
            *(self._value(entry, name) for name in record.commitments),
        )

    def _call(self, call: Call) -> Markup:
        outcome, tone = outcome_of_call(call)
        asked = [approval.asked for approval in call.approvals if approval.asked]
        first = next(e for e in (*asked, call.decision, call.started, call.finished) if e)
        with_input = next((e for e in (call.decision, *asked) if e and _has(e, "input")), None)
        shown = (
            self._input(with_input)
            if with_input
            else element("p", {}, word(call.decision, "object"))
        )
        return element(
            "li",
            {"class": f"step {tone}"},
            element(
                "p",
                {"class": "verb"},
                element("strong", {}, call.tool or "a call"),
                pill(outcome, tone),
                moment(first.record.time),
                number(first.record.seq),
            ),
            shown,
            *(self._asked(approval, is_shown=True) for approval in call.approvals),
            _decided(call.decision) if call.decision else NOTHING,
            self._output(call),
        )

    def _output(self, call: Call) -> Markup:
        if call.finished is None or not _has(call.finished, "output"):
            return NOTHING
        took = call.milliseconds
        title = "output" + ("" if took is None else f" after {duration(took)}")
        return joined(
            (element("p", {"class": "label"}, title), self._value(call.finished, "output"))
        )

    def _asked(self, approval: Approval, *, is_shown: bool = False) -> Markup:
        """A question with its answer; what it was about, unless that is shown already."""
        pieces: list[Child] = []
        if approval.asked is not None:
            by = approval.asked.record.data.get("by")
            roles = f" from {' or '.join(by)}" if isinstance(by, tuple) and by else ""
            pieces += [
                f"Approval {approval.id} asked for{roles} ",
                moment(approval.asked.record.time),
            ]
            pieces += [" by ", element("code", {}, word(approval.asked, "rule")), " "]
            pieces.append(number(approval.asked.record.seq))
        answer = approval.answer
        is_given = answer is not None and answer.record.kind == "approval.given"
        tone = Tone.GOOD if is_given else Tone.BAD if answer else Tone.WAITING
        reply: list[Child] = [pill(answered(approval), tone)]
        if answer is not None:
            reply += [
                word(answer, "reason"),
                " ",
                moment(answer.record.time),
                number(answer.record.seq),
            ]
        shown = approval.asked is not None and not is_shown
        return element(
            "div",
            {"class": "approval"},
            element("p", {}, *pieces) if pieces else NOTHING,
            self._input(approval.asked) if shown and approval.asked else NOTHING,
            element("p", {}, *reply),
            *(_stranger(entry) for entry in approval.strangers),
        )

    def _value(self, entry: Entry, name: str) -> Markup:
        """A private value as it was written, or that it is gone."""
        if name in entry.values:
            return _block(entry.values[name])
        if not _has(entry, name):
            return NOTHING
        told = self.redactions.get((entry.record.seq, name))
        if told is None:
            return element("p", {"class": "note"}, f"The {name} is gone, and no record says why.")
        return element(
            "p",
            {"class": "note"},
            f"The {name} was redacted by {name_of(told.record.actor)}: {word(told, 'reason')} ",
            number(told.record.seq),
        )

    def _input(self, entry: Entry) -> Markup:
        found = change(entry.values.get("input", ""))
        if found is None:
            return self._value(entry, "input")
        text = shortened("\n".join(sign + line for sign, line in found.lines))
        rows = (_changed(line) for line in text.split("\n"))
        return joined(
            (
                element("p", {"class": "label"}, found.title),
                element("pre", {"class": "diff", "tabindex": 0}, *rows),
            )
        )


def _aside(words: str) -> Markup:
    return element("span", {"class": "aside"}, words) if words else NOTHING


def _facts(pairs: Iterator[tuple[str, Child]]) -> Markup:
    rows = (
        element("div", {}, element("dt", {}, name), element("dd", {}, value))
        for name, value in pairs
    )
    return element("dl", {"class": "facts"}, *rows)


def _story_facts(story: Story) -> Iterator[tuple[str, Child]]:
    first = story.records[0].record
    if story.requester:
        yield "asked for by", name_of(story.requester)
    yield "on", moment(first.time)
    yield "took", str(duration(story.milliseconds))
    if isolation := word(story.started, "isolation"):
        yield "sandbox", isolation
    if story.ending is not None:
        cost = story.ending.record.data.get("cost_microdollars")
        if isinstance(cost, int) and cost:
            yield "cost", f"${cost / 1_000_000:.2f}"
    if session := next((e.record.session for e in reversed(story.records) if e.record.session), ""):
        yield "session", session
    if story.earlier:
        yield "other jobs of this number", ", ".join(f"from #{seq}" for seq in story.earlier)


def _protected(protection: Protection) -> Markup:
    words = [f"epoch {protection.epoch}"]
    if protection.signed_at:
        words.append(f"signed with record {protection.signed_at}")
    words += [f"kept by {sink} with checkpoint {size}" for sink, size in protection.anchors]
    if not protection.anchors:
        words.append("no checkpoint that covers it was kept elsewhere")
    return element("p", {"class": "note"}, "The last record: ", "; ".join(words), ".")


def _decided(entry: Entry) -> Markup:
    """By which rule, and why."""
    decision = entry.record.kind.partition(".")[2]
    rule, reason = word(entry, "rule"), word(entry, "reason")
    return element(
        "p",
        {"class": "decision"},
        pill(decision, TONES[entry.record.outcome]),
        element("code", {}, rule) if rule else "by no rule",
        f" {reason} " if reason else " ",
        number(entry.record.seq),
    )


def _stranger(entry: Entry) -> Markup:
    return element(
        "p",
        {},
        pill("denied", Tone.BAD),
        f"{name_of(entry.record.actor)} tried to answer: {word(entry, 'reason')} ",
        moment(entry.record.time),
        number(entry.record.seq),
    )


def _has(entry: Entry, name: str) -> bool:
    return name in entry.record.commitments


def _changed(line: str) -> Markup:
    sign = line[:1] or " "
    return element("span", {"class": _COLUMN.get(sign, "kept")}, sign, " ", line[1:], "\n")


def _block(text: str) -> Markup:
    return element("pre", {"tabindex": 0, "dir": "auto"}, shortened(text))
