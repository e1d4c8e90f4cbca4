from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.chat.web.frames import Earlier, Press, Say, parse

ID = "0123456789abcdef"


def test_each_kind_of_frame_is_understood() -> None:
    assert parse(json.dumps({"type": "say", "id": ID, "text": "hi"})) == Say(ID, "hi")
    assert parse(json.dumps({"type": "click", "id": ID, "token": "a:x"})) == Press(ID, "a:x")
    assert parse(json.dumps({"type": "earlier", "before": 7})) == Earlier(7)


@pytest.mark.parametrize(
    "frame",
    [
        [],
        {},
        {"type": "say"},
        {"type": "say", "id": ID},
        {"type": "say", "id": ID, "text": 1},
        {"type": "say", "id": "short", "text": "hi"},
        {"type": "say", "id": "x" * 65, "text": "hi"},
        {"type": "say", "id": "bad id here", "text": "hi"},
        {"type": "say", "id": ID, "text": "hi", "user": "root"},
        {"type": "click", "id": ID, "token": ""},
        {"type": "click", "id": ID, "token": "ü" * 33},
        {"type": "click", "id": ID, "token": "\ud800"},
        {"type": "earlier", "before": "7"},
        {"type": "earlier", "before": -1},
        {"type": "earlier", "before": 2**70},
        {"type": "status"},
    ],
)
def test_what_our_page_does_not_send_is_refused(frame: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(json.dumps(frame))


@given(st.text())
def test_any_text_is_a_frame_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@given(st.text(st.characters(), max_size=50))
def test_what_is_said_can_always_be_stored(text: str) -> None:
    frame = parse(json.dumps({"type": "say", "id": ID, "text": text}))
    assert isinstance(frame, Say)
    frame.text.encode()


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert parse(json.dumps({"type": "say", "id": ID, "text": "a\ud800b"})) == Say(ID, "a\ufffdb")
