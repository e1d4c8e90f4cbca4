"""Random documents over the real client to Telegram: every one is delivered, none is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from appliance.chat.telegram.client import Client
from appliance.chat.telegram.parts import parts_of
from appliance.core.model import Json, Markdown, Place, Platform, Reply, Rich
from tests.emulators.telegram import TelegramEmulator
from tests.emulators.telegram_entities import active_in, wrong_with
from tests.random_markdown import COUNT, Document, discreet_code, document

AT_ONCE = 8
"""Chats that are written to side by side; within each, one document after the other."""


@pytest.mark.timeout(0 if COUNT > 1000 else 120)
async def test_every_document_is_delivered() -> None:
    async with TelegramEmulator() as telegram:
        client = Client(telegram.token, telegram.url)
        try:
            for chat in range(1, AT_ONCE + 1):
                telegram.add_chat(chat)
            seeds = iter(range(COUNT))
            found = await asyncio.gather(
                *(_deliver(client, telegram, chat, seeds) for chat in range(1, AT_ONCE + 1))
            )
        finally:
            await client.close()
    assert [problem for problems in found for problem in problems] == []


async def _deliver(
    client: Client, telegram: TelegramEmulator, chat: int, seeds: Iterator[int]
) -> list[str]:
    place, problems = Place(Platform.TELEGRAM, str(chat)), list[str]()
    for seed in seeds:
        made = document(seed)
        for part in parts_of(Reply(Markdown(made.source))):
            await _send(client, place, part)
        arrived = _taken(telegram, chat)
        problems += [f"seed {seed}: {problem}" for problem in _wrong(made, arrived)]
    return problems


async def _send(client: Client, place: Place, part: Reply) -> None:
    assert isinstance(part.body, Rich)
    if part.attachment is None:
        await client.send_text(place, part.body, part.buttons, silent=part.silent)
    else:
        await client.send_file(place, part.body, part.buttons, part.attachment, silent=part.silent)


def _taken(telegram: TelegramEmulator, chat: int) -> list[dict[str, Json]]:
    """What this chat has got since it was last looked at."""
    keys = sorted(key for key in telegram.messages if key[0] == chat)
    return [telegram.messages.pop(key) for key in keys]


def _wrong(made: Document, arrived: list[dict[str, Json]]) -> Iterator[str]:
    texts = []
    for message in arrived:
        text = str(message.get("text") or message.get("caption") or "")
        marks = message.get("entities") or message.get("caption_entities") or []
        yield from wrong_with(text, marks)  # type: ignore[arg-type]
        yield from (f"active: {word!r}" for word in active_in(text, marks))  # type: ignore[arg-type]
        texts.append(text)
    if not texts:
        yield "nothing arrived"
    if not any("document" in message for message in arrived):
        said = "".join(texts)
        for code in map(discreet_code, made.code):
            if code not in said:
                yield f"lost code: {code!r}"
