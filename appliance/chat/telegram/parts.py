"""A reply within Telegram's limits."""

from __future__ import annotations

from dataclasses import replace

from appliance.chat.footer import with_footer
from appliance.chat.markdown import render
from appliance.chat.split import cut, cuts_code, split, utf16_units
from appliance.chat.wellformed import is_blank, well_formed
from appliance.core.inert import still
from appliance.core.model import Attachment, Markdown, Reply, Rich, Wording

MAX_TEXT_UNITS = 4096
MAX_CAPTION_UNITS = 1024
MAX_ENTITIES = 96
"""Telegram leaves out what is over 100: words that are to be inert would act again."""
MAX_PARTS = 4
"""More messages than this in a row are a nuisance: the whole then comes as a file."""
MAX_SOURCE_CHARACTERS = (MAX_PARTS + 1) * MAX_TEXT_UNITS
"""A longer text becomes a file anyway: what will not be seen need not be rendered."""
ANSWER_FILE = "answer.md"
EMPTY = Rich("—")
_BEGINNING_UNITS = MAX_TEXT_UNITS - 500  # leaves room for the note about the file, and a footer


def parts_of(reply: Reply) -> tuple[Reply, ...]:
    """The reply in parts, buttons on the last one. A file comes after its text or carries it.

    The phone rings once, for the last part.
    """
    texts, files = _texts_and_files(reply)
    if len(files) == 1 and len(texts) == 1 and utf16_units(texts[0].text) <= MAX_CAPTION_UNITS:
        parts = [Reply(texts[0], attachment=files[0])]
    else:
        parts = [Reply(text) for text in texts]
        parts += [Reply(Rich(""), attachment=file) for file in files]
    parts = [replace(part, silent=True, urgency=reply.urgency) for part in parts or [Reply(EMPTY)]]
    parts[0] = replace(parts[0], answers=reply.answers)
    parts[-1] = replace(parts[-1], buttons=reply.buttons, silent=reply.silent)
    return tuple(parts)


def _texts_and_files(reply: Reply) -> tuple[list[Rich], list[Attachment]]:
    """Messages that hold all of it; or the beginning, and a file that does."""
    source = well_formed(reply.body.text)
    body = _body(reply)
    whole = with_footer(body, reply.footer)
    cuts = split(whole, MAX_TEXT_UNITS, MAX_ENTITIES)
    texts = [part for part in cuts if not is_blank(part.text)]
    files = [Attachment(ANSWER_FILE, source.encode()), *_attached(reply)]
    if len(texts) > MAX_PARTS or len(source) > MAX_SOURCE_CHARACTERS:
        return [with_footer(_beginning(body), reply.footer)], files
    if isinstance(reply.body, Markdown) and len(texts) > 1:
        texts = [still(part) for part in texts]  # a cut makes two words of one
    # nobody has to put a program together from two messages
    return texts, files if cuts_code(whole, cuts) else _attached(reply)


def _attached(reply: Reply) -> list[Attachment]:
    return [reply.attachment] if reply.attachment else []


def _body(reply: Reply) -> Rich:
    assert not isinstance(reply.body, Wording), "a language is chosen before a reply is prepared"
    if isinstance(reply.body, Markdown):
        return render(reply.body.text[:MAX_SOURCE_CHARACTERS])
    return replace(reply.body, text=well_formed(reply.body.text))


def caption(body: Rich) -> Rich:
    """As much of a text as goes with a file."""
    return split(body, MAX_CAPTION_UNITS, MAX_ENTITIES)[0]


def _beginning(body: Rich) -> Rich:
    first = still(split(body, _BEGINNING_UNITS, MAX_ENTITIES // 2)[0])
    note = f"\n\n… 📎 {ANSWER_FILE}"
    text = first.text.rstrip()
    return replace(cut(first, 0, len(text)), text=text + note)
