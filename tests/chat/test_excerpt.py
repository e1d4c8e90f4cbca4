from __future__ import annotations

from appliance.chat.excerpt import EXCERPT_CHARACTERS, with_excerpt
from appliance.core.model import Attachment, Button, Markdown, Reply, Rich, Span, Style

BUTTONS = ((Button("Stop", "s:1"),),)


def test_a_short_reply_stays_as_it_is() -> None:
    reply = Reply(Rich("hello"), BUTTONS)
    assert with_excerpt(reply, 100) == (reply,)


def test_markdown_is_rendered() -> None:
    (part,) = with_excerpt(Reply(Markdown("**bold**")), 100)
    assert part.body == Rich("bold", (Span(Style.BOLD, 0, 4),))


def test_a_long_reply_begins_and_brings_all_of_it_as_a_file() -> None:
    text = "line of text\n" * 10_000
    (part,) = with_excerpt(Reply(Rich(text, (Span(Style.PRE, 0, len(text)),)), BUTTONS), 1000)
    assert isinstance(part.body, Rich)
    assert len(part.body.text) < EXCERPT_CHARACTERS + 100
    assert part.attachment == Attachment("answer.md", text.encode())
    assert part.buttons == BUTTONS
    assert all(s.start + s.length <= len(part.body.text) for s in part.body.spans)


def test_a_file_of_its_own_follows_in_a_second_part() -> None:
    own = Attachment("a.diff", b"+")
    first, second = with_excerpt(Reply(Rich("x" * 9000), BUTTONS, own), 1000)
    assert (first.buttons, second.buttons) == ((), BUTTONS)
    assert second.attachment == own


def test_an_empty_reply_says_so() -> None:
    assert with_excerpt(Reply(Markdown(" \n")), 1000)[0].body == Rich("—")


def test_a_file_needs_no_words() -> None:
    reply = Reply(Rich(""), attachment=Attachment("a.diff", b"+"))
    assert with_excerpt(reply, 1000) == (reply,)


def test_what_cannot_be_stored_is_replaced() -> None:
    assert with_excerpt(Reply(Rich("a\ud800\x00b")), 1000)[0].body == Rich("a\ufffd\ufffdb")
