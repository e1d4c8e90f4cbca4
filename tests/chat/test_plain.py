from __future__ import annotations

from appliance.chat.plain import text_of
from appliance.core.model import Attachment, Button, ButtonKind, Reply, Rich, Span, Style


def test_buttons_become_what_one_would_type() -> None:
    reply = Reply(
        Rich("May this run?"),
        (
            (
                Button("Approve", "a:k7m2p9qd", ButtonKind.APPROVE),
                Button("Deny", "d:k7m2p9qd", ButtonKind.DENY),
            ),
            (Button("Stop", "s:12"), Button("Resume", "r:12"), Button("shop", "p:shop")),
        ),
    )
    assert text_of(reply).splitlines() == [
        "May this run?",
        "Approve: /approve k7m2p9qd",
        "Deny: /deny k7m2p9qd",
        "Stop: /stop 12",
        "Resume: /resume 12",
        "shop: /project shop",
    ]


def test_a_button_that_cannot_be_typed_is_left_out() -> None:
    assert text_of(Reply(Rich("hello"), ((Button("?", "z:1"),),))) == "hello"


def test_a_link_shows_where_it_leads() -> None:
    body = Rich("see here or x", (Span(Style.LINK, 4, 4, "https://example.org/"),))
    assert text_of(Reply(body)) == "see here (https://example.org/) or x"


def test_a_link_that_says_where_it_leads_says_it_once() -> None:
    address = "https://example.org/"
    assert text_of(Reply(Rich(address, (Span(Style.LINK, 0, len(address), address),)))) == address


def test_a_file_is_named() -> None:
    assert text_of(Reply(Rich("done"), attachment=Attachment("a.diff", b""))) == (
        "done\n[file: a.diff]"
    )


def test_text_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in text_of(
        Reply(Rich("\x1b]0;owned\x07"), ((Button("\x1b[2J", "a:k7m2p9qd"),),))
    )
