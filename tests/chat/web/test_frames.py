from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.chat.web.frames import Change, Earlier, Handed, Press, Say, parse

ID = "0123456789abcdef"


def test_each_kind_of_frame_is_understood() -> None:
    assert parse(json.dumps({"type": "say", "id": ID, "text": "hi"})) == Say(ID, "hi")
    assert parse(json.dumps({"type": "click", "id": ID, "token": "a:x"})) == Press(ID, "a:x")
    assert parse(json.dumps({"type": "earlier", "before": 7})) == Earlier(7)
    files = [{"id": ID, "name": "a.csv"}]
    said = {"type": "say", "id": ID, "text": "", "reply_to": "post-3", "files": files}
    assert parse(json.dumps(said)) == Say(ID, "", "post-3", (Handed(ID, "a.csv"),))
    edit = {"type": "edit", "id": ID, "message": f"said-{ID}", "text": "ho"}
    assert parse(json.dumps(edit)) == Change(ID, f"said-{ID}", "ho")
    click = {"type": "click", "id": ID, "token": "s:1", "message": "post-12"}
    assert parse(json.dumps(click)) == Press(ID, "s:1", "post-12")


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
        {"type": "say", "id": ID, "text": "hi", "reply_to": "7"},
        {"type": "say", "id": ID, "text": "hi", "reply_to": None},
        {"type": "say", "id": ID, "text": "hi", "reply_to": "said-../../x"},
        {"type": "say", "id": ID, "text": "hi", "files": {}},
        {"type": "say", "id": ID, "text": "hi", "files": ["a"]},
        {"type": "say", "id": ID, "text": "hi", "files": [{"id": "../../etc", "name": "a"}]},
        {"type": "say", "id": ID, "text": "hi", "files": [{"id": ID, "name": "a" * 501}]},
        {"type": "say", "id": ID, "text": "hi", "files": [{"id": ID, "name": "a", "size": 1}]},
        {"type": "say", "id": ID, "text": "hi", "files": [{"id": ID, "name": "a"}] * 101},
        {"type": "edit", "id": ID, "message": "post-1", "text": "hi"},
        {"type": "edit", "id": ID, "message": 7, "text": "hi"},
        {"type": "edit", "id": ID, "text": "hi"},
        {"type": "click", "id": ID, "token": "s:1", "message": "x"},
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
