"""Codes, and what of the outside world may be shown beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.model import Click, Message, Millis, Place, Platform, Sender, UserName
from appliance.core.pairing import (
    LIFE_SECONDS,
    WRONG_TRIES,
    Pairing,
    PairingId,
    PairingState,
    account_of,
    after_wrong_try,
    code_in,
    digest,
    is_group,
    is_private,
    link,
    settled,
    shown_name,
    with_code,
)
from tests.examples import NOW

ANNA = Sender(Platform.TELEGRAM, "42")
HERE = Place(Platform.TELEGRAM, "42")
GROUP = Place(Platform.TELEGRAM, "-100", "7")
OPEN = Pairing(
    PairingId("p1"),
    UserName("anna"),
    UserName("me"),
    digest("right"),
    NOW,
    Millis(NOW + LIFE_SECONDS * 1000),
)


def said(text: str, place: Place = HERE) -> Message:
    return Message("telegram:1:1", ANNA, place, text, NOW)


def test_a_code_is_found_by_its_hash_alone() -> None:
    other = replace(OPEN, id=PairingId("p2"), code_sha256=digest("other"))
    assert with_code([OPEN, other], "right") == OPEN
    assert with_code([OPEN, other], "wrong") is None
    assert with_code([OPEN], OPEN.code_sha256) is None
    assert "right" not in repr(OPEN)


def test_a_pairing_is_open_until_its_time_is_over() -> None:
    last = Millis(OPEN.expires_at - 1)
    assert OPEN.is_open(last)
    assert settled(OPEN, last) == OPEN
    assert not OPEN.is_open(OPEN.expires_at)
    assert settled(OPEN, OPEN.expires_at).state is PairingState.EXPIRED
    used = replace(OPEN, state=PairingState.USED)
    assert settled(used, OPEN.expires_at) == used
    assert not used.is_open(NOW)


def test_the_last_wrong_code_ends_it() -> None:
    pairing = OPEN
    for _ in range(WRONG_TRIES - 1):
        pairing = after_wrong_try(pairing)
        assert pairing.state is PairingState.OPEN
    assert after_wrong_try(pairing).state is PairingState.GUESSED_AT


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("/start abc-_9", "abc-_9"),
        ("/start@test_bot abc", "abc"),
        ("/start", None),
        ("/start ", None),
        ("/start a b", None),
        ("/start " + "x" * 65, None),
        ("/starting abc", None),
        ("please /start abc", None),
        ("/start ä", None),
    ],
)
def test_only_a_deep_links_words_hold_a_code(text: str, code: str | None) -> None:
    assert code_in(said(text)) == code


def test_a_button_is_no_code() -> None:
    assert code_in(Click("k", ANNA, HERE, "/start abc", NOW)) is None


def test_a_link_takes_every_code_that_is_made() -> None:
    assert link("test_bot", "x" * 22) == f"https://t.me/test_bot?start={'x' * 22}"


def test_groups_and_private_chats_are_told_apart_by_numbers() -> None:
    assert is_group(GROUP)
    assert not is_group(HERE)
    assert not is_group(Place(Platform.WEB, "-1"))
    assert is_private(said("hi"))
    assert not is_private(said("hi", GROUP))
    assert not is_private(said("hi", Place(Platform.TELEGRAM, "43")))
    assert account_of(HERE) == ANNA
    assert account_of(GROUP) is None
    assert account_of(Place(Platform.WEB, "anna")) is None


def test_a_name_is_one_line_that_says_what_it_is() -> None:
    assert shown_name("Anna\nadmin: yes\x1b[31m") == r"Anna admin: yes\u001b[31m"
    assert shown_name("\u202eanna") == r"\u202eanna"
    assert len(shown_name("x" * 500)) == 64
