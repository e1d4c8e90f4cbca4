"""Long answers in two parts: the beginning at once, the rest when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.model import Attachment, Button, Markdown, Place, Platform, Reply
from appliance.core.redact import redact
from appliance.core.replies import about_settings
from appliance.core.shortened import MORE, ShowRest, shortened
from appliance.core.words import phrase
from appliance.ports import Remainder, State

FILE_NAME = "answer.md"
LONGEST_REST = 12_000
"""Characters that are sent as messages; above it the whole comes as a file."""
WITHOUT_END = (Platform.TERMINAL,)
"""There somebody scrolls, and another program may read what is answered."""


def beginning_of(place: Place, reply: Reply, state: State) -> Reply:
    """The reply as a phone shows it at once, with a button for the rest; inside a transaction."""
    body = reply.body
    if not isinstance(body, Markdown) or place.platform in WITHOUT_END or reply.attachment:
        return reply
    text = redact(body.text)  # whole: half a key is not recognised
    parts = shortened(text)
    if parts is None:
        return reply
    number = state.keep_rest(place, Remainder(parts.rest, text, parts.cuts_code))
    button = Button(phrase("Show the rest"), f"{MORE}{number}")
    return replace(
        reply, body=Markdown(f"{parts.beginning}\n\n…"), buttons=(*reply.buttons, (button,))
    )


def rest_of(place: Place, asked: ShowRest, state: State) -> Sequence[Reply]:
    """What was left out there; nothing when it is not known there (any more)."""
    left = state.rest(place, asked.number)
    if left is None:
        return ()
    file = Attachment(FILE_NAME, left.whole.encode())
    if len(left.rest) > LONGEST_REST:
        return (replace(about_settings.the_whole(), attachment=file),)
    rest = Reply(Markdown(left.rest))
    if left.cuts_code:  # nobody has to put a program together from two messages
        return rest, replace(about_settings.the_whole(), attachment=file, silent=True)
    return (rest,)
