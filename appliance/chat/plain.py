"""A reply as plain text, for terminals: no colours, no buttons, nothing that moves the cursor."""

from __future__ import annotations

from appliance.core.hidden import readable, shown
from appliance.core.model import Reply, Rich, Style
from appliance.core.requests import typed


def text_of(reply: Reply) -> str:
    """The words of a prepared reply, then one line per file and button, e.g. "Deny: /deny k7m2".

    Control characters are written out: text from an agent cannot steer the terminal.
    """
    assert isinstance(reply.body, Rich), "a reply is prepared before it is shown"
    lines = [readable(_with_addresses(reply.body))]
    if reply.attachment:
        lines.append(f"[file: {shown(reply.attachment.name)}]")
    buttons = [button for row in reply.buttons for button in row]
    lines.extend(f"{shown(str(b.label))}: {typed(b.token)}" for b in buttons if typed(b.token))
    return "\n".join(lines)


def _with_addresses(body: Rich) -> str:
    """The text with each link's address behind its words, unless the words are the address."""
    text = body.text
    links = [span for span in body.spans if span.style is Style.LINK]
    for span in sorted(links, key=lambda span: span.start, reverse=True):
        end = span.start + span.length
        if body.text[span.start : end] != span.value:
            text = f"{text[:end]} ({span.value}){text[end:]}"
    return text
