from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.telegram.updates import Update, query_of, read_update
from appliance.core.model import Click, Message, Millis, Place, Platform, Sender

NOW = Millis(1_800_000_000_000)
ANNA = Sender(Platform.TELEGRAM, "42")


def text_update(**changes: Any) -> dict[str, Any]:
    message = {
        "message_id": 3,
        "date": 1_700_000_000,
        "from": {"id": 42, "is_bot": False, "first_name": "Anna", "username": "anna"},
        "chat": {"id": 42, "type": "private"},
        "text": "/status",
    }
    return {"update_id": 7, "message": message | changes}


def click_update(**changes: Any) -> dict[str, Any]:
    query = {
        "id": "9001",
        "from": {"id": 42},
        "message": {"message_id": 5, "date": 1, "chat": {"id": -100}, "text": "May I?"},
        "chat_instance": "1",
        "data": "a:k7m2",
    }
    return {"update_id": 8, "callback_query": query | changes}


def test_a_text_becomes_a_message() -> None:
    assert read_update(text_update(), "99", NOW) == Update(
        7,
        Message(
            key="telegram:99:7",
            sender=ANNA,
            place=Place(Platform.TELEGRAM, "42"),
            text="/status",
            sent_at=Millis(1_700_000_000_000),
            message_id="3",
            called="Anna @anna",
        ),
    )


def test_a_press_becomes_a_click_whose_key_can_be_answered() -> None:
    update = read_update(click_update(), "99", NOW)
    key = "telegram:99:8:9001"
    place = Place(Platform.TELEGRAM, "-100")
    assert update == Update(8, Click(key, ANNA, place, "a:k7m2", NOW, "5"))
    assert query_of(key) == "9001"


def test_a_topic_is_a_place_of_its_own() -> None:
    topic = {"chat": {"id": -100}, "message_thread_id": 17, "is_topic_message": True}
    update = read_update(text_update(**topic), "99", NOW)
    assert update
    assert update.incoming
    assert update.incoming.place == Place(Platform.TELEGRAM, "-100", "17")
    click = read_update(click_update(message=topic), "99", NOW)
    assert click
    assert click.incoming
    assert click.incoming.place == Place(Platform.TELEGRAM, "-100", "17")


def test_a_thread_of_replies_is_no_topic() -> None:
    update = read_update(text_update(message_thread_id=17), "99", NOW)
    assert update
    assert update.incoming
    assert update.incoming.place.topic == ""


@pytest.mark.parametrize("content", ["sticker", "location", "contact", "poll", "dice", "story"])
def test_what_is_neither_text_nor_file_is_a_message_without_text(content: str) -> None:
    sent = text_update(**{content: {"file_id": "x"}, "caption": "rm -rf"})
    del sent["message"]["text"]
    update = read_update(sent, "99", NOW)
    assert update
    assert isinstance(update.incoming, Message)
    assert update.incoming.text == ""


def test_half_surrogate_pairs_do_not_come_in() -> None:
    update = read_update(text_update(text="a\ud800\x00"), "99", NOW)
    assert update
    assert isinstance(update.incoming, Message)
    assert update.incoming.text == "a��"


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 7},
        {"update_id": 7, "message": None},
        {"update_id": 7, "message": {"text": "no sender"}},
        {"update_id": 7, "message": {**text_update()["message"], "from": None}},
        {"update_id": 7, "message": {**text_update()["message"], "date": "today"}},
        {"update_id": 7, "callback_query": {"id": "1", "from": {"id": 42}}},
        {"update_id": 7, "callback_query": {**click_update()["callback_query"], "data": 1}},
    ],
)
def test_what_says_nothing_to_us_is_still_confirmed(update: dict[str, Any]) -> None:
    assert read_update(update, "99", NOW) == Update(7, None)


def test_a_pin_is_nobody_s_word() -> None:
    sent = text_update(pinned_message={"message_id": 1})
    del sent["message"]["text"]
    assert read_update(sent, "99", NOW) == Update(7, None)


@pytest.mark.parametrize("update", [None, 7, [], {}, {"update_id": "7"}, {"update_id": None}])
def test_what_is_no_update_is_nothing(update: Any) -> None:
    assert read_update(update, "99", NOW) is None


json = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "from", "chat", "text", "date", "message_id", "message", "data"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(deadline=None)
@given(st.sampled_from(["message", "callback_query"]), json)
def test_no_update_makes_reading_fail(kind: str, content: Any) -> None:
    update = read_update({"update_id": 1, kind: content}, "99", NOW)
    assert update
    assert update.id == 1
