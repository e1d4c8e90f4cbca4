"""A reply within Telegram's limits."""

from __future__ import annotations

from dataclasses import replace

from appliance.chat.markdown import render
from appliance.chat.split import cut, split, utf16_units
from appliance.chat.wellformed import is_blank, well_formed
from appliance.core.model import Attachment, Markdown, Reply, Rich, Wording

MAX_TEXT_UNITS = 4096
MAX_CAPTION_UNITS = 1024
MAX_PARTS = 4
"""More messages than this in a row are a nuisance: the whole then comes as a file."""
MAX_SOURCE_CHARACTERS = (MAX_PARTS + 1) * MAX_TEXT_UNITS
"""A longer text becomes a file anyway: what will not be seen need not be rendered."""
ANSWER_FILE = "answer.md"
EMPTY = Rich("(empty)")
_BEGINNING_UNITS = MAX_TEXT_UNITS - 100  # leaves room for the note about the file


def parts_of(reply: Reply) -> tuple[Reply, ...]:
    """The reply in parts, buttons on the last one. A file comes after its text or carries it."""
    source = well_formed(reply.body.text)
    body = _body(reply)
    files = [reply.attachment] if reply.attachment else []
    texts = [part for part in split(body, MAX_TEXT_UNITS) if not is_blank(part.text)]
    if len(texts) > MAX_PARTS or len(source) > MAX_SOURCE_CHARACTERS:
        texts = [_beginning(body)]
        files.insert(0, Attachment(ANSWER_FILE, source.encode()))
    if len(files) == 1 and utf16_units(body.text) <= MAX_CAPTION_UNITS:
        parts = [Reply(body, attachment=files[0])]
    else:
        parts = [Reply(text) for text in texts]
        parts += [Reply(Rich(""), attachment=file) for file in files]
    parts = parts or [Reply(EMPTY)]
    parts[-1] = replace(parts[-1], buttons=reply.buttons)
    return tuple(replace(part, silent=reply.silent) for part in parts)


def _body(reply: Reply) -> Rich:
    assert not isinstance(reply.body, Wording), "a language is chosen before a reply is prepared"
    if isinstance(reply.body, Markdown):
        return render(reply.body.text[:MAX_SOURCE_CHARACTERS])
    return replace(reply.body, text=well_formed(reply.body.text))


def caption(body: Rich) -> Rich:
    """As much of a text as goes with a file."""
    return split(body, MAX_CAPTION_UNITS)[0]


def _beginning(body: Rich) -> Rich:
    first = split(body, _BEGINNING_UNITS)[0]
    note = f"\n\n… all of it is in {ANSWER_FILE}"
    text = first.text.rstrip()
    return replace(cut(first, 0, len(text)), text=text + note)
