"""What a phone shows of a chat, as text: read from the emulator's record of what was really sent.

    bot, quietly:
      *Job 1* started · demo
      [Stop]

A message without "quietly" rings. One that is changed is shown with its replaced lines (`-`, `+`).
Lines are as wide as a phone. What differs from run to run is written as if it did not (`Same`).
"""

from __future__ import annotations

import difflib
import re
import socket
import struct
import textwrap
from collections.abc import Iterator
from typing import Any

from tests.emulators.telegram import TelegramEmulator
from tests.journeys.house import NOTICES

Message = dict[str, Any]

WIDTH = 40
INDENT = "  "
MARKS = {"bold": "*", "italic": "_", "strikethrough": "~", "code": "`"}
NAMED_WITH = 24
GERMAN_NOTICES = ("Protokoll ·", "Prüfpunkt des Protokolls ·")
PNG = b"\x89PNG"


class Same:
    """Writes ids, times, durations, costs and places of this machine as if they never changed."""

    ID = re.compile(r"\b(?:[adjnig]|q):([a-z0-9]{4,32})\b")
    PROPOSAL = re.compile(r"\bp-[a-z0-9]{4,}\b")
    REST = (
        (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "2026-11-21"),
        (re.compile(r"(?<![\d:–])(?<!Quiet )(?<!Ruhe )\d\d:\d\d(?::\d\d)?(?![\d:]|–\d)"), "09:41"),
        (re.compile(r"\b(?:\d+ h )?\d+ min \d+ (?:s|Sek\.)(?![\w])"), "4 s"),
        (re.compile(r"\b\d+ s\b"), "4 s"),
        (re.compile(r"\$\d+\.\d\d"), "$0.02"),
        (re.compile(r"\b\d+,\d\d \$"), "0,02 $"),
        (re.compile(r"\b[\d,.]+ (tokens|Token)\b"), r"1,204 \1"),
        (re.compile(r"anchors: .*"), "anchors: chat has 32 records"),
        (re.compile(r"⚠ no checkpoint is kept elsewhere"), "32 kept elsewhere, 4 s ago"),
        (re.compile(r"\b[\d,]+ (records|kept elsewhere)\b"), r"32 \1"),
        (re.compile(r"\.csv:\d+"), ".csv:12"),
        (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "5f1c2b3a"),
        (re.compile(r"(dispatch-appliance|agent: claude) [\d.]+\w*"), r"\1 1.0"),
        (re.compile(r"\b\d+ (GB|GiB|rules|Regeln)\b"), r"17 \1"),
    )

    def __init__(self, tg: TelegramEmulator, home: str) -> None:
        self._tg = tg
        self._home = home
        self._here = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
        self._ids: dict[str, str] = {}
        self._more: list[tuple[re.Pattern[str], str]] = []

    def also(self, pattern: str, same: str) -> None:
        """Something of this story that differs from run to run, too."""
        self._more.append((re.compile(pattern), same))

    def __call__(self, text: str) -> str:
        self._learn()
        text = self._here.sub("workshop", text.replace(self._home, "/home/alice"))
        for pattern, same in self._more:
            text = pattern.sub(same, text)
        for known, same in self._ids.items():
            text = text.replace(known, same)
        for pattern, same in self.REST:
            text = pattern.sub(same, text)
        return text

    def _learn(self) -> None:
        """Questions are named in their buttons; proposals are where they stand."""
        for _, message in sorted(self._tg.messages.items(), key=lambda each: each[0][1]):
            for row in _rows(message):
                for button in row:
                    for name in self.ID.findall(str(button["callback_data"])):
                        self._ids.setdefault(name, f"k7m2p9q{len(self._ids) + 1}")
            for name in self.PROPOSAL.findall(str(message.get("text", ""))):
                self._ids.setdefault(name, f"p-h5{len(self._ids) + 1}")


class Screen:
    """One chat. `news` says what it shows that it did not at the last `look`.

    `where`: which one it is, " to bob"; "" where there is only one.
    """

    def __init__(self, tg: TelegramEmulator, chat: int, where: str, same: Same) -> None:
        self._tg = tg
        self._chat = chat
        self._bot = f"bot{where}"
        self._same = same
        self._shown: dict[int, list[str]] = {}
        self._signs: dict[int, list[str]] = {}

    def news(self) -> list[str]:
        """Signs first, then what was changed, then what is new: each in its order."""
        return [*self._new_signs(), *self._changes(), *self._new_messages()]

    def look(self) -> None:
        self._shown = {m["message_id"]: self._lines(m) for m in self._sent()}
        self._signs = self._signs_now()

    def _signs_now(self) -> dict[int, list[str]]:
        every = self._tg.reactions.items()
        return {number: signs for (chat, number), signs in every if chat == self._chat}

    def _new_signs(self) -> Iterator[str]:
        for number, signs in sorted(self._signs_now().items()):
            if signs != self._signs.get(number):
                marked = named(self._tg.messages[self._chat, number])
                yield from ("", f"{self._bot} marks {marked} {''.join(signs)}")

    def _changes(self) -> Iterator[str]:
        now = {m["message_id"]: m for m in self._sent()}
        for number, before in self._shown.items():
            after = self._lines(now[number]) if number in now else []
            if after != before:
                yield from ("", f"{self._bot} {'changes' if after else 'takes back'}:")
                yield from (INDENT + line for line in _difference(before, after))

    def _new_messages(self) -> Iterator[str]:
        for message in self._sent():
            if message["message_id"] not in self._shown:
                yield from ("", f"{self._bot}{self._how(message)}:")
                yield from (INDENT + line if line else "" for line in self._lines(message))

    def _sent(self) -> list[Message]:
        """The bot's messages, but for those that come by the clock."""
        sent = self._tg.sent(self._chat)
        notices = (*NOTICES, *GERMAN_NOTICES)
        return [m for m in sent if not str(m.get("text", "")).startswith(notices)]

    def _how(self, message: Message) -> str:
        answered = message.get("reply_to_message")
        how = f", to {named(answered)}" if answered else ""
        params = self._call(message)["params"]
        is_silent = str(params.get("disable_notification", "")).lower() == "true"
        return f"{how}, quietly" if is_silent else how

    def _call(self, message: Message) -> Any:
        """The call that sent it."""
        sent = (self._chat, message["message_id"])
        for call in self._tg.calls:
            result = call.get("result")
            is_message = isinstance(result, dict) and "chat" in result
            if is_message and call["method"].startswith("send"):
                assert isinstance(result, dict)
                if (result["chat"]["id"], result["message_id"]) == sent:
                    return call
        raise AssertionError("nobody sent it")

    def _lines(self, message: Message) -> list[str]:
        return [
            *self._attached(message),
            *(line for text in self._same(styled(message)).split("\n") for line in wrapped(text)),
            *(" ".join(f"[{button['text']}]" for button in row) for row in _rows(message)),
        ]

    def _attached(self, message: Message) -> list[str]:
        if "document" in message:
            return [self._same(f"[file {message['document']['file_name']}]")]
        if "photo" not in message:
            return []
        sent = next(iter(self._call(message)["files"].values()))
        name, _, content = sent.partition(b"\n")
        size = ""
        if content.startswith(PNG):
            size = ", {} × {}".format(*struct.unpack(">II", content[16:24]))
        return [f"[picture {name.decode()}{size}]"]


def _difference(before: list[str], after: list[str]) -> Iterator[str]:
    for kind, start, end, new_start, new_end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            yield from (f"  {line}".rstrip() for line in before[start:end])
        else:
            yield from (f"- {line}" for line in before[start:end])
            yield from (f"+ {line}" for line in after[new_start:new_end])


def named(message: Message) -> str:
    """How people would speak of a message: “paint it red”."""
    text = str(message.get("text") or message.get("caption") or "the file").split("\n")[0]
    return f"“{text if len(text) <= NAMED_WITH else text[: NAMED_WITH - 1].rstrip() + '…'}”"


def styled(message: Message) -> str:
    """Its text with its looks written out."""
    text = str(message.get("text") or message.get("caption") or "")
    units = text.encode("utf-16-le")
    put: list[tuple[int, int, str]] = []  # where, in which order, what
    for entity in message.get("entities") or message.get("caption_entities") or []:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        before, after = _around(entity, units[: start * 2], units[end * 2 :])
        put += [(start, 1, before), (end, 0, after)]
    for at, _, sign in sorted(put, reverse=True):
        units = units[: at * 2] + sign.encode("utf-16-le") + units[at * 2 :]
    return units.decode("utf-16-le")


def _around(entity: dict[str, Any], before: bytes, after: bytes) -> tuple[str, str]:
    line_end = "\n".encode("utf-16-le")
    match entity["type"]:
        case "pre":
            opened = "" if not before or before.endswith(line_end) else "\n"
            closed = "" if not after or after.startswith(line_end) else "\n"
            return f"{opened}```{entity.get('language', '')}\n", f"\n```{closed}"
        case "blockquote":
            return "> ", ""
        case "text_link":
            return "", f" <{entity['url']}>"
        case kind:
            return MARKS[kind], MARKS[kind]


def wrapped(line: str) -> list[str]:
    """As a phone breaks it."""
    return textwrap.wrap(line, WIDTH, drop_whitespace=True, break_on_hyphens=False) or [""]


def _rows(message: Message) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = (message.get("reply_markup") or {}).get(
        "inline_keyboard", []
    )
    return rows
