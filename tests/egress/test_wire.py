"""The lines of a session are read back as written, or refused whole."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.wire import (
    MAX_LINE,
    MAX_TEXT,
    Answer,
    Ask,
    BadLine,
    Closed,
    Limits,
    Message,
    NotServed,
    Open,
    Opened,
    Serving,
    decode,
    encode,
)

texts = st.text(max_size=40)
numbers = st.integers(0, 2**53 - 1)
positive = st.integers(1, 2**53 - 1)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Open, numbers, st.builds(Limits, *[positive] * 6)),
    st.builds(Answer, numbers, st.booleans(), texts),
    st.builds(Serving),
    st.builds(NotServed, texts),
    st.builds(Ask, numbers, texts, numbers),
    st.builds(Opened, numbers, texts),
    st.builds(Closed, numbers, numbers, numbers, numbers, texts),
)


@given(messages)
def test_a_message_is_read_back_as_written(message: Message) -> None:
    line = encode(message)
    assert decode(line) == message
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]


def test_the_form_of_a_line_does_not_change_unnoticed() -> None:
    assert encode(Ask(3, "api.example.com", 443)) == (
        b'{"v": 1, "kind": "Ask", "id": 3, "host": "api.example.com", "port": 443}\n'
    )
    limits = json.loads(encode(Open(7)))["limits"]
    assert limits == {
        "connections": 64,
        "burst": 256,
        "per_second": 8,
        "max_bytes": 4294967296,
        "max_seconds": 14400,
        "idle_seconds": 600,
    }


def changed(**changes: Any) -> bytes:
    found = json.loads(encode(Answer(1, True, ""))) | changes
    return json.dumps({k: v for k, v in found.items() if v is not ...}).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"1\n",
        b"\xff\xfe\n",
        b'{"v": 1',
        encode(Serving())[:-1],
        encode(Serving())[:-1] + b" " * MAX_LINE + b"\n",
        b"[" * 100_000 + b"\n",
        changed(v=2),
        changed(v=True),
        changed(v=...),
        changed(kind="Nothing"),
        changed(kind=["Answer"]),
        changed(kind=...),
        changed(extra=1),
        changed(id=...),
        changed(id="1"),
        changed(id=1.0),
        changed(id=True),
        changed(id=-1),
        changed(id=2**53),
        changed(allowed=1),
        changed(allowed="true"),
        changed(allowed=None),
        changed(reason=None),
        changed(reason="x" * (MAX_TEXT + 1)),
        b'{"v": 1, "kind": "Open", "job": 1, "limits": {}}\n',
        b'{"v": 1, "kind": "Open", "job": 1, "limits": 5}\n',
        encode(Open(1)).replace(b"64", b"0"),
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine):
        decode(line)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with suppress(BadLine):
        assert encode(decode(data))


def test_a_long_text_is_cut_and_still_understood() -> None:
    found = decode(encode(NotServed("é" * 10_000)))
    assert found == NotServed("é" * MAX_TEXT)


def test_the_longest_line_there_can_be_is_taken() -> None:
    longest = Closed(2**53 - 1, 2**53 - 1, 2**53 - 1, 2**53 - 1, "\U0001f600" * MAX_TEXT)
    assert decode(encode(longest)) == longest
