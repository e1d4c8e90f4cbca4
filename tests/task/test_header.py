"""Messages between daemon and launcher are read back as written, or refused whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.model import Ceiling, Isolation
from appliance.task.header import (
    LARGEST,
    MAX_LINE,
    BadMessage,
    Exceeded,
    Fault,
    Message,
    TaskExited,
    TaskHeader,
    TaskRefused,
    TaskStarted,
    decode,
    encode,
)

HEADER = TaskHeader(
    project="web",
    directory="",
    argv=("claude", "-p"),
    environment={"DISABLE_AUTOUPDATER": "1"},
    secret_variable="",
    timeout_seconds=60,
    minimum_isolation=Isolation.BUBBLEWRAP,
    ceiling=Ceiling(),
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
numbers = st.integers(-(2**31), 2**31)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        TaskHeader,
        project=texts,
        directory=texts,
        argv=st.lists(texts, min_size=1, max_size=4).map(tuple),
        environment=st.dictionaries(texts, texts, max_size=4),
        secret_variable=texts,
        timeout_seconds=st.integers(1, 10**6),
        minimum_isolation=st.sampled_from(Isolation),
        ceiling=st.builds(Ceiling, *[st.integers(1, LARGEST)] * 4),
        has_network=st.booleans(),
        inbox=st.integers(0, LARGEST),
    ),
    st.builds(TaskStarted, numbers, st.sampled_from(Isolation)),
    st.builds(TaskExited, numbers, numbers, st.none() | st.sampled_from(Exceeded)),
    st.builds(TaskRefused, st.sampled_from(Fault), texts),
)


@given(messages)
@settings(max_examples=100)
def test_decoding_an_encoded_message_gives_it_back(message: Message) -> None:
    line = encode(message)
    assert decode(line) == message
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_other_bytes_are_refused_and_nothing_else_happens(line: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(line)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": None},
        {"kind": "TaskOrder"},
        {"kind": ["TaskHeader"]},
        {"user": "root"},
        {"project": 1},
        {"project": "we\0b"},
        {"argv": []},
        {"argv": "claude -p"},
        {"argv": ["claude", None]},
        {"argv": ["claude", "\ud800"]},
        {"environment": ["A=1"]},
        {"environment": {"A": 1}},
        {"timeout_seconds": 0},
        {"timeout_seconds": True},
        {"timeout_seconds": 1.5},
        {"minimum_isolation": "best effort"},
        {"minimum_isolation": []},
        {"has_network": 1},
        {"ceiling": None},
        {"ceiling": {}},
        {"ceiling": {**asdict(Ceiling()), "processes": 0}},
        {"ceiling": {**asdict(Ceiling()), "memory_bytes": 2**63}},
        {"ceiling": {**asdict(Ceiling()), "luck": 1}},
    ],
    ids=str,
)
def test_a_header_with_anything_unexpected_is_refused_whole(change: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        decode(json.dumps(json.loads(encode(HEADER)) | change).encode())


@pytest.mark.parametrize("name", ["v", "kind", "project", "argv", "minimum_isolation"])
def test_a_header_with_anything_missing_is_refused_whole(name: str) -> None:
    found = json.loads(encode(HEADER))
    del found[name]
    with pytest.raises(BadMessage):
        decode(json.dumps(found).encode())


def test_what_would_be_too_long_to_be_accepted_is_not_sent() -> None:
    refused = TaskRefused(Fault.TASK, "x" * MAX_LINE)
    with pytest.raises(BadMessage, match="more than 65536"):
        encode(refused)


def test_a_line_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(BadMessage, match="longer than"):
        decode(b" " * MAX_LINE + encode(HEADER))


def test_json_nested_too_deeply_is_refused() -> None:
    with pytest.raises(BadMessage):
        decode(b"[" * 60_000)
