"""The same attacks on the whole daemon, over Telegram: races, guesses, and a kill in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.journeys.house import ALICE, BOB, PATIENCE_SECONDS, STRANGER
from tests.journeys.test_pairing import EmptyHouse


async def test_one_phone_wins_whatever_is_tried(tmp_path: Path) -> None:
    async with EmptyHouse(tmp_path, None) as house:
        blocked, first = await house.pair()
        for number in range(5):
            house.tg.user_says(STRANGER, f"/start guess-{number}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await blocked.communicate())[0].decode()
        assert blocked.returncode == 1
        assert "too many wrong codes" in said

        exposed, second = await house.pair()
        house.tg.add_chat(-100)
        house.tg.user_says(-100, f"/start@test_bot {second}", user_id=BOB)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await exposed.communicate())[0].decode()
        assert "written in a group" in said

        waiting, third = await house.pair()
        await house.kill()  # between code and use
        house.tg.user_says(STRANGER, f"/start {first}")
        house.tg.user_says(STRANGER, f"/start {second}")
        house.tg.user_says(ALICE, f"/start {third}")
        house.tg.user_says(BOB, f"/start {third}")
        await house.start()
        await house.reads("You are paired as alice", ALICE)
        await house.reads("This code has been used.", BOB)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await waiting.communicate())[0].decode()
        assert f"Paired: alice is now Telegram account {ALICE}" in said
        assert house.tg.sent(-100) == []
        assert len(house.texts(STRANGER)) == 2  # of the two codes that were once right

        assert await house.stop() == 0
        kinds = house.kinds()
        assert kinds.count("account.paired") == 1
        assert kinds.count("pairing.refused") == 5 + 1 + 2 + 1
        assert kinds.count("pairing.ended") == 2
