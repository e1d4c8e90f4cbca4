from __future__ import annotations

import subprocess
import sys

import pytest

from appliance.chat.telegram.lean import PACKAGES, lean_aiogram


def run(code: str) -> str:
    """What a fresh Python prints, with every warning an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_client_loads_only_a_part_and_builds_all_it_uses() -> None:
    run("""
import sys
from appliance.chat.telegram import client
assert all(model.__pydantic_complete__ for model in client.MODELS)
assert not {"aiogram", "aiogram.types", "aiogram.methods"} & sys.modules.keys()
assert len([name for name in sys.modules if name.startswith("aiogram.")]) < 250
""")


def test_a_call_loads_nothing_more() -> None:
    run("""
import asyncio, sys
from appliance.chat.telegram import client
from appliance.core.model import Button, Place, Platform, Rich, Span, Style
from appliance.errors import ChatUnavailable
async def call():
    bot = client.Client("1:a", "http://127.0.0.1:1")
    body = Rich("text", (Span(Style.BOLD, 0, 4),))
    try:
        await bot.send_text(Place(Platform.TELEGRAM, "1"), body, ((Button("a", "b"),),))
    except ChatUnavailable:
        pass
    await bot.close()
asyncio.run(call())
assert "aiogram" not in sys.modules
""")


def test_an_ordinary_import_afterwards_is_an_ordinary_one() -> None:
    run("""
import warnings
from appliance.chat.telegram import client
import aiogram
from aiogram.types import Update
assert aiogram.methods.SendMessage is client.SendMessage
message = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}
assert Update.model_validate({"update_id": 1, "message": message}).message.text == "x"
assert client.RawSendMessage(chat_id=1, text="x").text == "x"
""")


def test_an_ordinary_import_before_is_used_as_it_is() -> None:
    run("""
import aiogram
from appliance.chat.telegram import client
assert client.SendMessage is aiogram.methods.SendMessage
assert client.RawSendMessage(chat_id=1, text="x").text == "x"
""")


def test_the_port_itself_does_not_import_aiogram() -> None:
    run("""
import sys, appliance.chat.telegram.chat
assert not [name for name in sys.modules if name.startswith("aiogram")]
""")


def test_nothing_stays_behind_when_an_import_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="NoSuchName"), lean_aiogram():
        from aiogram.types import NoSuchName  # type: ignore[attr-defined]  # noqa: F401
    assert not sys.modules.keys() & set(PACKAGES)
