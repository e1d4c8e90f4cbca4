"""Long replies for chats that have no limit of their own: a beginning, and the whole as a file."""

from __future__ import annotations

from dataclasses import replace

from appliance.chat.footer import with_footer
from appliance.chat.markdown import render
from appliance.chat.split import cut
from appliance.chat.wellformed import is_blank, well_formed
from appliance.core.model import Attachment, Markdown, Reply, Rich, Wording

EXCERPT_CHARACTERS = 4000
FILE_NAME = "answer.md"
EMPTY = Rich("—")


def with_excerpt(reply: Reply, limit: int) -> tuple[Reply, ...]:
    """The reply, rendered. Above `limit` characters: its beginning, with all of it attached.

    A file and buttons of its own then follow in a second part.
    """
    body = _body(reply)
    if len(body.text) <= limit:
        return (replace(reply, body=with_footer(body, reply.footer), footer=None),)
    whole = Attachment(FILE_NAME, well_formed(reply.body.text).encode())
    first = Reply(with_footer(_beginning(body), reply.footer), attachment=whole)
    if reply.attachment is None:
        return (replace(first, buttons=reply.buttons),)
    rest = Rich(f"… 📎 {FILE_NAME}")
    return (first, Reply(rest, reply.buttons, reply.attachment))


def _body(reply: Reply) -> Rich:
    assert not isinstance(reply.body, Wording), "a language is chosen before a reply is prepared"
    if isinstance(reply.body, Markdown):
        body = render(reply.body.text)
    else:
        body = replace(reply.body, text=well_formed(reply.body.text))
    return EMPTY if is_blank(body.text) and reply.attachment is None else body


def _beginning(body: Rich) -> Rich:
    line_end = body.text.rfind("\n", EXCERPT_CHARACTERS // 2, EXCERPT_CHARACTERS)
    end = line_end if line_end > 0 else EXCERPT_CHARACTERS
    first = cut(body, 0, end)
    note = f"\n\n… 📎 {FILE_NAME}"
    return replace(first, text=first.text + note)
