from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.split import utf16_units
from appliance.chat.telegram.parts import (
    MAX_CAPTION_UNITS,
    MAX_PARTS,
    MAX_TEXT_UNITS,
    caption,
    parts_of,
)
from appliance.chat.wellformed import is_blank
from appliance.core.model import Attachment, Button, Markdown, Reply, Rich, Span, Style

BUTTONS = ((Button("Stop", "s:1"),),)
FILE = Attachment("a.diff", b"+")


def texts(reply: Reply) -> list[str]:
    return [part.body.text for part in parts_of(reply)]


def test_a_short_reply_is_one_part() -> None:
    assert parts_of(Reply(Markdown("**b**"), BUTTONS)) == (
        Reply(Rich("b", (Span(Style.BOLD, 0, 1),)), BUTTONS),
    )


def test_all_parts_of_a_silent_reply_are_silent() -> None:
    parts = parts_of(Reply(Rich("word " * 2000), BUTTONS, FILE, silent=True))
    assert len(parts) > 2
    assert all(part.silent for part in parts)


def test_an_empty_reply_says_so() -> None:
    assert texts(Reply(Markdown(" \n"))) == ["—"]
    assert texts(Reply(Rich("\u200b"))) == ["—"]


def test_a_reply_of_a_few_parts_has_its_buttons_below_the_last() -> None:
    text = "word " * 2000
    parts = parts_of(Reply(Rich(text), BUTTONS))
    assert "".join(part.body.text for part in parts) == text
    assert [part.buttons for part in parts] == [(), (), BUTTONS]


def test_a_long_reply_begins_and_brings_all_of_it_as_a_file() -> None:
    source = "**word** " * 4000
    beginning, whole = parts_of(Reply(Markdown(source), BUTTONS))
    assert beginning.body.text.startswith("word word")
    assert beginning.body.text.endswith("📎 answer.md")
    assert whole.attachment == Attachment("answer.md", source.encode())
    assert (beginning.buttons, whole.buttons) == ((), BUTTONS)


def test_a_short_text_goes_with_its_file() -> None:
    assert parts_of(Reply(Rich("the diff"), BUTTONS, FILE)) == (
        Reply(Rich("the diff"), BUTTONS, FILE),
    )


def test_a_longer_text_comes_before_its_file() -> None:
    text, file = parts_of(Reply(Rich("x" * 2000), BUTTONS, FILE))
    assert (text.attachment, text.buttons) == (None, ())
    assert file == Reply(Rich(""), BUTTONS, FILE)


def test_a_long_reply_keeps_its_own_file() -> None:
    _, whole, own = parts_of(Reply(Rich("x" * 100_000), BUTTONS, FILE))
    assert whole.attachment
    assert whole.attachment.name == "answer.md"
    assert own == Reply(Rich(""), BUTTONS, FILE)


def test_nothing_but_blank_lines_in_between_is_no_part_of_its_own() -> None:
    assert texts(Reply(Rich("a" + "\n" * 5000 + "b")))[-1].strip() == "b"
    assert not any(is_blank(text) for text in texts(Reply(Rich("a" + "\n" * 9000 + "b"))))


def test_a_caption_is_as_much_as_fits() -> None:
    assert caption(Rich("short")) == Rich("short")
    assert utf16_units(caption(Rich("\U0001f600" * 2000)).text) == MAX_CAPTION_UNITS


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.sampled_from(["a", "\n", "\n\n", " ", "\U0001f600", "\x00", "\ud800"]), max_size=20
    ),
    st.sampled_from([1, 200, 1500]),
    st.booleans(),
    st.sampled_from([None, FILE]),
)
def test_every_part_is_within_the_limits(
    pieces: list[str], times: int, is_markdown: bool, file: Attachment | None
) -> None:
    text = "".join(pieces) * times
    reply = Reply(Markdown(text) if is_markdown else Rich(text), BUTTONS, file)
    parts = parts_of(reply)
    assert len(parts) <= MAX_PARTS + 1
    assert [part.buttons for part in parts] == [()] * (len(parts) - 1) + [BUTTONS]
    for part in parts:
        limit = MAX_CAPTION_UNITS if part.attachment else MAX_TEXT_UNITS
        part.body.text.encode()
        assert utf16_units(part.body.text) <= limit
        assert part.attachment or not is_blank(part.body.text)
    assert file is None or file in [part.attachment for part in parts]
