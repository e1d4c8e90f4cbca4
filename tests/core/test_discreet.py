"""No secret of a known kind leaves in a reply, wherever in it it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.discreet import discreet
from appliance.core.model import Attachment, Button, Markdown, Reply, Rich, Span, Style
from tests.core.test_redact import SECRETS

secrets = st.sampled_from(sorted(SECRETS.values()))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda t: f" {t} ")


@given(texts, secrets, texts)
def test_no_part_of_a_reply_says_a_secret(before: str, secret: str, after: str) -> None:
    text = before + secret + after
    reply = Reply(
        Rich(text, (Span(Style.BOLD, 0, len(text)),)),
        ((Button(text, "x"),),),
        Attachment(f"{secret}.txt", text.encode()),
        footer=Rich(text),
    )
    gone = discreet(reply)
    assert isinstance(gone.footer, Rich)
    assert gone.attachment is not None
    assert isinstance(gone.body, Rich)
    said = (gone.body.text, str(gone.buttons[0][0].label), gone.footer.text)
    for each in (*said, gone.attachment.name, gone.attachment.content.decode()):
        assert secret not in each
        assert "[redacted" in each
    assert gone.body.spans == (Span(Style.BOLD, 0, len(gone.body.text)),)


def test_spans_stay_on_what_they_were_on() -> None:
    key = SECRETS["Anthropic key"]
    text = f"use {key} now @bob"
    spans = (Span(Style.CODE, 4, len(key)), Span(Style.BOLD, text.index("now"), 3))
    body = discreet(Reply(Rich(text, spans))).body
    assert isinstance(body, Rich)
    assert [body.text[s.start : s.start + s.length] for s in body.spans] == [
        "[redacted Anthropic key]",
        "now",
    ]


@pytest.mark.parametrize("content", [b"\x89PNG\xff", b"plain text"])
def test_what_holds_no_secret_is_as_it_was(content: bytes) -> None:
    reply = Reply(Markdown("**fine**"), attachment=Attachment("a.bin", content))
    assert discreet(reply) == reply
