"""The Bot API emulator as a process: commands come in by standard input, what it saw goes out.

→ {"say": "task 1", "times": 1}      a message of the one user
← {"event": "listening", "url": …}   once
← {"event": "said", "t": …}          the messages are there to be fetched, t in nanoseconds
← {"event": "polled", "t": …}        somebody called getUpdates
← {"event": "fetched", "t": …}       every message was confirmed by an offset
← {"event": "call", "t": …, "method": …, "text": …}
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from tests.emulators.telegram import TelegramEmulator

CHATS = range(4711, 4911)
"""Everybody who may write. A chat has a budget for answers, so that samples take one in turn."""


def say(event: str, **more: str | int) -> None:
    print(json.dumps({"event": event, "t": time.monotonic_ns(), **more}), flush=True)


async def main(token: str) -> None:
    async with TelegramEmulator(token) as telegram, asyncio.TaskGroup() as group:
        say("listening", url=telegram.url)
        group.create_task(watch(telegram))
        await obey(telegram)


async def obey(telegram: TelegramEmulator) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        command = json.loads(line)
        for _ in range(command["times"]):
            telegram.user_says(command["chat"], command["say"])
        say("said")
    raise SystemExit


async def watch(telegram: TelegramEmulator) -> None:
    def state() -> tuple[int, int, bool]:
        return telegram.poller, len(telegram.calls), bool(telegram.updates)

    async def other_state(known: tuple[int, int, bool]) -> tuple[int, int, bool]:
        async with telegram.changed:
            await telegram.changed.wait_for(lambda: state() != known)
        return state()

    before = state()
    while True:
        now = await other_state(before)
        if now[0] != before[0]:
            say("polled")
        for call in telegram.calls[before[1] : now[1]]:
            say("call", method=call["method"], text=str(call["params"].get("text", "")))
        if before[2] and not now[2]:
            say("fetched")
        before = now


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
