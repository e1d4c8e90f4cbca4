from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.app.audit_commands.screen import (
    Ink,
    Screen,
    columns,
    fill,
    fit,
    progress,
    screen_of,
    wrapped,
)

ROOMS = st.integers(min_value=2, max_value=100)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text(), ROOMS)
def test_wrapped_lines_fit_and_nothing_in_them_moves_the_cursor(text: str, room: int) -> None:
    lines = list(wrapped(text, room))
    assert lines
    assert all(columns(line) <= room and line.isprintable() for line in lines)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), ROOMS)
def test_wrapping_loses_nothing_but_blanks(text: str, room: int) -> None:
    assert "".join(wrapped(text, room)).replace(" ", "") == text.replace(" ", "")


@given(st.text(st.characters(exclude_categories=["C", "Z"])), ROOMS)
def test_what_is_fitted_is_as_wide_as_its_room_at_most(text: str, room: int) -> None:
    assert columns(fit(text, room)) <= room
    assert columns(fill(text, room)) == room


def test_a_letter_of_two_columns_does_not_get_into_one() -> None:
    assert fit("今今", 2) == "…"
    assert fill("今今", 2) == "… "


def test_words_stay_whole_where_they_can() -> None:
    assert list(wrapped("make the tests green", 11)) == ["make the", "tests green"]


def test_colours_are_for_terminals_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not screen_of(io.StringIO()).has_colours
    assert screen_of(Terminal()).has_colours
    monkeypatch.setenv("TERM", "dumb")
    assert not screen_of(Terminal()).has_colours
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen_of(Terminal()).has_colours


def test_ink_is_left_out_without_colours() -> None:
    assert Screen(80, has_colours=False).ink(Ink.BAD, "denied") == "denied"
    assert Screen(80, has_colours=True).ink(Ink.BAD, "denied") == "\033[31mdenied\033[0m"
    assert Screen(80, has_colours=True).ink(None, "denied") == "denied"


def test_progress_is_shown_to_those_who_wait_longer_than_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, seconds = Terminal(), iter([0.0, 1.0, 4.0, 4.05])
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("reading", lambda: next(seconds)) as report:
        report(1_000, 10_000)
        assert terminal.getvalue() == ""
        report(4_000, 10_000)
        shown = "━━━━━━━━──────────── 40 % of 10,000 records · 1,000/s · 6 s left"
        assert terminal.getvalue() == f"\r\033[Kreading {shown}"
        report(4_001, 10_000)  # too soon to be seen
        assert terminal.getvalue() == f"\r\033[Kreading {shown}"
    assert terminal.getvalue().endswith("\r\033[K")
