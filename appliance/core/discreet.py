"""A reply on its way out, without the secrets that may be in it.

Done at one place, the outbox, before a platform's rendering and cutting: what is cut in two would
not be recognised any more. Markdown is looked at once more when it is rendered, because there
"ghp\\_…" is no token before it is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.model import Attachment, Markdown, Reply, Rich, Span
from appliance.core.redact import Edit, edits_of


def discreet(reply: Reply) -> Reply:
    """The reply with every secret of a known kind replaced, in words, footer, file and buttons.

    Its words are in one language already. A file that is no text is as it was.
    """
    body = reply.body
    rows = tuple(
        tuple(replace(button, label=_plain(str(button.label))) for button in row)
        for row in reply.buttons
    )
    return replace(
        reply,
        body=without_secrets(body) if isinstance(body, Rich) else Markdown(_plain(body.text)),
        footer=without_secrets(reply.footer) if isinstance(reply.footer, Rich) else reply.footer,
        attachment=_file(reply.attachment) if reply.attachment else None,
        buttons=rows,
    )


def _plain(text: str) -> str:
    return without_secrets(Rich(text)).text


def without_secrets(body: Rich) -> Rich:
    """The text with every secret of a known kind replaced."""
    for edits in edits_of(body.text):
        body = _edited(body, edits)
    return body


def _edited(body: Rich, edits: Sequence[Edit]) -> Rich:
    """The text with its replacements, and the spans on what they were on."""
    text, last = "", 0
    for edit in edits:
        text += body.text[last : edit.start] + edit.text
        last = edit.end
    spans = []
    for span in body.spans:
        start = _moved(span.start, edits)
        end = _moved(span.start + span.length, edits)
        if end > start:
            spans.append(_on(span, start, end))
    return Rich(text + body.text[last:], tuple(spans))


def _moved(at: int, edits: Sequence[Edit]) -> int:
    """Where a place of the text is after the edits; inside of one: behind its replacement."""
    shift = 0
    for edit in edits:
        if edit.end <= at:
            shift += len(edit.text) - (edit.end - edit.start)
        elif edit.start < at:
            return edit.start + shift + len(edit.text)
    return at + shift


def _on(span: Span, start: int, end: int) -> Span:
    return replace(span, start=start, length=end - start, value=_plain(span.value))


def _file(file: Attachment) -> Attachment:
    if file.is_picture:
        return file
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        return file
    return replace(file, name=_plain(file.name), content=_plain(text).encode())
