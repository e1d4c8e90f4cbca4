"""Frames: what is written is read back, and everything else is refused whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit import wire
from appliance.core.events import ActorType, Event, Who, event_names
from appliance.core.excerpts import LogLine
from appliance.core.records import draft
from tests.audit.logs import allowed, queued

TEXTS = st.text(max_size=30)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
WHO = st.builds(Who, st.sampled_from(ActorType), TEXTS, TEXTS)
HINTS: dict[Any, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "int": NUMBERS,
    "bool": st.booleans(),
    "bytes": st.binary(max_size=40),
    "Who": WHO,
    "tuple[str, ...]": st.lists(TEXTS, max_size=3).map(tuple),
    "tuple[bytes, ...]": st.lists(st.binary(max_size=40), max_size=3).map(tuple),
}


def _built(cls: type) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{f.name: HINTS[str(f.type)] for f in fields(cls)})


EVENTS: st.SearchStrategy[Event] = st.sampled_from(sorted(event_names())).flatmap(
    lambda name: _built(event_names()[name])
)
HINTS["tuple[Event, ...]"] = st.lists(EVENTS, max_size=4).map(tuple)
HINTS["tuple[LogLine, ...]"] = st.lists(_built(LogLine), max_size=3).map(tuple)
QUESTIONS = st.one_of(*map(_built, get_args(wire.Question)))
ANSWERS = st.one_of(*map(_built, get_args(wire.Answer)))
IDS = st.integers(0, 2**53 - 1)


@given(IDS, QUESTIONS)
def test_every_question_arrives_as_it_was_asked(frame_id: int, question: wire.Question) -> None:
    assert wire.read_question(wire.write(frame_id, question)) == (frame_id, question)


@given(IDS, ANSWERS)
def test_every_answer_arrives_as_it_was_given(frame_id: int, answer: wire.Answer) -> None:
    assert wire.read_answer(wire.write(frame_id, answer)) == (frame_id, answer)


def test_half_a_surrogate_pair_arrives_as_it_was() -> None:
    question = wire.Redact(1, "text", "\ud800")
    assert wire.read_question(wire.write(1, question)) == (1, question)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(line: bytes) -> None:
    for read in (wire.read_question, wire.read_answer):
        with pytest.raises(wire.Malformed):
            read(line)


def _frame(**changes: object) -> bytes:
    frame = {**json.loads(wire.write(7, wire.Append((queued(),)))), **changes}
    return json.dumps({key: value for key, value in frame.items() if value is not ...}).encode()


def _event(change: Callable[[dict[str, Any]], object]) -> bytes:
    frame = json.loads(_frame())
    change(frame["events"][0])
    return json.dumps(frame).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (_frame(v=2), "only version 1 of this protocol"),
        (_frame(v=...), "only version 1 of this protocol"),
        (_frame(type="format_disk"), "the type of the frame is not known here"),
        (_frame(type=["append"]), "the type of the frame is not known here"),
        (_frame(type="appended"), "the type of the frame is not known here"),
        (_frame(events=...), "the frame has not exactly the fields events"),
        (_frame(more=1), "the frame has not exactly the fields events"),
        (_frame(events={}), "events: this is not a list"),
        (_frame(events=[1]), "an event has exactly the fields data, name"),
        (_event(lambda e: e.update(name="job.eaten")), "the event is not known here"),
        (_event(lambda e: e.update(more=1)), "an event has exactly the fields data, name"),
        (_event(lambda e: e["data"].update(more=1)), "job.queued has not exactly the fields"),
        (_event(lambda e: e["data"].pop("after")), "job.queued has not exactly the fields"),
        (_event(lambda e: e["data"].update(job="1")), "job: this is not a whole number"),
        (_event(lambda e: e["data"].update(job=True)), "job: this is not a whole number"),
        (_event(lambda e: e["data"].update(job=1.0)), "job: this is not a whole number"),
        (_event(lambda e: e["data"].update(job=2**53)), "job: this is not a whole number"),
        (_event(lambda e: e["data"].update(project=None)), "project: this is not a text"),
        (_event(lambda e: e["data"].update(cause="x")), "cause: this is not a list"),
        (_event(lambda e: e["data"].update(cause=[1])), "cause: this is not a text"),
        (_event(lambda e: e["data"].update(who={})), "who has not exactly the fields"),
        (_event(lambda e: e["data"]["who"].update(type="god")), "god"),
    ],
)
def test_what_is_not_known_is_refused_whole_and_its_asker_is_known(line: bytes, said: str) -> None:
    with pytest.raises(wire.Malformed, match=said) as caught:
        wire.read_question(line)
    assert caught.value.id == 7


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"7", b"[" * 100_000, b"{}", _frame(id="7"), _frame(id=1.5)]
)
def test_what_is_no_frame_has_no_asker(line: bytes) -> None:
    with pytest.raises(wire.Malformed) as caught:
        wire.read_question(line)
    assert caught.value.id == 0


def test_a_frame_that_would_be_refused_is_not_written() -> None:
    with pytest.raises(wire.Malformed, match="bytes at once are too many"):
        wire.write(1, wire.Append((queued(),) * 10_000))


def test_a_long_text_is_cut_where_it_makes_no_difference_to_the_record() -> None:
    event = wire.Append((replace(allowed(), input="x" * 5_000_000 + " password=hunter2"),))
    line = wire.write(1, event)
    assert len(line) < wire.MAX_FRAME_BYTES
    _, read = wire.read_question(line)
    assert isinstance(read, wire.Append)
    assert draft(read.events[0], lambda: bytes(32)) == draft(event.events[0], lambda: bytes(32))


def test_the_longest_texts_fit_whatever_they_are_made_of() -> None:
    for character in ("x", "\0", "\U0001f600"):
        wire.write(1, wire.Append((replace(allowed(), input=character * 1_000_000),)))
