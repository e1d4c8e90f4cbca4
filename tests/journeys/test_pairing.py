"""From nothing to a paired phone and a first task: setup, a code, a tap."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

from tests.journeys.house import ALICE, BOB, PATIENCE_SECONDS, ROOT, STRANGER, TOKEN, House

FORUM = -100


class EmptyHouse(House):
    """Nothing is there but a directory with a project and a token."""

    def _furnish(self) -> None:
        self.project.mkdir()
        self._git("init", "--quiet", "-b", "main")
        (self.home / "token").write_text(f"{TOKEN}\n")
        (self.home / "answers.toml").write_text(
            f'[telegram]\ntoken_file = "{self.home}/token"\napi = "{self.tg.url}"\n'
            f"[users.alice]\nunix = [{os.getuid()}]\n"
            f'[projects.demo]\npath = "{self.project}"\n'
        )
        (self.home / "dispatch.toml").write_text(
            f'[daemon]\nstate = "{self.home}/state"\npolicies = "{self.home}/policies"\n'
            f'credentials = "{self.home}/credentials"\nminimum_isolation = "none"\n'
            "unsafe_no_sandbox = true\nstop_grace_seconds = 1\n"
            f'[terminal]\nsocket = "{self.home}/control.sock"\n'
            "[awake]\nenabled = false\n[audit]\nanchor_journal = false\n"
        )

    async def start(self) -> None:
        if not (self.home / "policies").exists():
            said = await self.dispatchctl("setup", "--answers", str(self.home / "answers.toml"))
            assert "then: dispatchctl pair alice" in said
        await super().start()

    async def begin(self, *words: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "appliance.app.dispatchctl", *words),
            *("--config", str(self.home / "dispatch.toml")),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )

    async def dispatchctl(self, *words: str, status: int = 0) -> str:
        process = await self.begin(*words)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await process.communicate())[0].decode()
        assert process.returncode == status, said
        return said

    async def pair(self) -> tuple[Process, str]:
        """The waiting command, and the code that it shows."""
        process = await self.begin("pair", "alice")
        return process, await self.code_of(process)

    async def code_of(self, process: Process) -> str:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await process.stdout.readline()).decode():
                if found := re.search(r"https://t\.me/test_bot\?start=(\S+)", line):
                    return found[1]
        raise AssertionError("no link was shown")


async def test_from_nothing_to_a_first_task(tmp_path: Path) -> None:
    async with EmptyHouse(tmp_path, None) as house:
        again = await house.dispatchctl("setup", "--answers", str(tmp_path / "answers.toml"))
        assert "nothing to change" in again
        house.tg.user_says(ALICE, "/status")
        waiting, code = await house.pair()
        house.tg.people[ALICE] = {"first_name": "Al\u202eice", "username": "al"}
        house.tg.user_says(ALICE, f"/start {code}")
        assert "You are paired as alice on host" in await house.reads("You are paired")
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await waiting.communicate())[0].decode()
        assert f"Paired: alice is now Telegram account {ALICE}, who calls themselves" in said
        assert "“Al\\u202eice @al”" in said
        assert waiting.returncode == 0

        house.press("Try it: /git status")
        await house.reads("No commits yet")
        house.tg.user_says(STRANGER, f"/start {code}")
        await house.reads("This code has been used.", STRANGER)
        listed = await house.dispatchctl("users", "list")
        assert f"telegram:{ALICE} “Al\\u202eice @al”, paired by alice" in listed

        await in_a_group(house)

        assert "is not alice any more" in await house.dispatchctl(
            "users", "remove", f"alice:{ALICE}"
        )
        said_so_far = len(house.texts())
        house.tg.user_says(ALICE, "/status")
        await house.dispatchctl("users", "remove", "alice", status=1)
        assert await house.stop() == 0
        assert len(house.texts()) == said_so_far
        kinds = house.kinds()
        for kind in ("pairing.opened", "account.paired", "pairing.refused", "account.unpaired"):
            assert kinds.count(kind) == 1, kind
        assert code not in str(house.records())
        assert "intact" in house.verify()


async def in_a_group(house: EmptyHouse) -> None:
    house.tg.add_chat(FORUM, is_forum=True)
    house.tg.user_says(FORUM, "/git@test_bot status", user_id=ALICE, topic=7)
    house.tg.user_says(FORUM, "/status", user_id=ALICE, topic=7)
    await house.reads("I do not work in this group yet.", FORUM)
    house.tg.user_says(FORUM, "/pair", user_id=BOB, topic=7)  # nobody we know
    house.tg.user_says(FORUM, "/pair", user_id=ALICE, topic=7)
    await house.reads("From now on I work in this topic", FORUM)
    house.tg.user_says(FORUM, "/git@test_bot status", user_id=ALICE, topic=7)
    await house.reads("No commits yet", FORUM)
    assert len([text for text in house.texts(FORUM) if "yet." in text and "work" in text]) == 1
