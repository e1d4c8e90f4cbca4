"""Random documents, as a phone gets them: whole, with entities that Telegram takes, and inert."""

from __future__ import annotations

import pytest

from appliance.chat.split import utf16_units
from appliance.chat.telegram.client import entities
from appliance.chat.telegram.parts import MAX_CAPTION_UNITS, MAX_TEXT_UNITS, parts_of
from appliance.chat.wellformed import is_blank, well_formed
from appliance.core.model import Markdown, Reply, Rich
from tests.emulators.telegram_entities import Entity, active_in, wrong_with
from tests.random_markdown import COUNT, Document, discreet_code, document

CHUNK = 100


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_every_document_arrives_whole_and_does_nothing(first: int) -> None:
    wrong = [
        f"seed {seed}: {problem}"
        for seed in range(first, min(first + CHUNK, COUNT))
        for problem in problems(document(seed))
    ]
    assert wrong == []


def problems(made: Document) -> list[str]:
    parts = parts_of(Reply(Markdown(made.source)))
    found = [problem for part in parts for problem in in_part(part)]
    said = "".join(part.body.text for part in parts)
    files = [part.attachment.content.decode() for part in parts if part.attachment]
    whole = well_formed(made.source)
    if files and files[0] != whole:
        found.append("the file is not the whole")
    if not files:
        shown = map(discreet_code, made.code)
        found += [f"lost code: {code!r}" for code in shown if code not in said]
    return found


def in_part(part: Reply) -> list[str]:
    assert isinstance(part.body, Rich)
    text, marks = part.body.text, sent(part.body)
    limit = MAX_CAPTION_UNITS if part.attachment else MAX_TEXT_UNITS
    found = wrong_with(text, marks)
    found += [f"active: {word!r}" for word in active_in(text, marks)]
    if utf16_units(text) > limit:
        found.append(f"{utf16_units(text)} units")
    if is_blank(text) and not part.attachment:
        found.append("nothing to see")
    return found


def sent(body: Rich) -> list[Entity]:
    """As the client writes them down."""
    found = entities(body) or []
    return [
        {"type": str(each.type), "offset": each.offset, "length": each.length} for each in found
    ]
