"""From nothing to a paired phone and a first task: setup, a code, a tap."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path
from typing import Any

from tests.journeys.house import ALICE, BOB, PATIENCE_SECONDS, ROOT, STRANGER, TOKEN, House
from tests.journeys.story import Story

FORUM = -100


class EmptyHouse(House):
    """Nothing is there but a directory with a project and a token."""

    shown = ""  # by the commands that wait

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

    async def has_shown(self) -> str:
        return self.shown

    async def end_of(self, process: Process) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = (await process.communicate())[0].decode()
        assert process.returncode == 0
        return said

    async def pair(self) -> tuple[Process, str]:
        """The waiting command, and the code that it shows."""
        process = await self.begin("pair", "alice")
        return process, await self.code_of(process)

    async def code_of(self, process: Process) -> str:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await process.stdout.readline()).decode():
                self.shown += line
                if found := re.search(r"https://t\.me/test_bot\?start=(\S+)", line):
                    return found[1]
        raise AssertionError("no link was shown")


async def test_from_nothing_to_a_first_task(tmp_path: Path) -> None:
    title = "From nothing to a paired phone, a first task, and a group."
    places = {ALICE: "to alice", STRANGER: "to a stranger", FORUM: "in the forum"}
    async with EmptyHouse(tmp_path, None) as house:
        house.tg.add_chat(FORUM, is_forum=True)
        story = Story(house, "pairing", title, places, {STRANGER: "a stranger"})
        async with story:
            await to_a_first_task(house, story)
            await in_a_group(house, story)
            gone = house.dispatchctl("users", "remove", f"alice:{ALICE}")
            await story.host(f"dispatchctl users remove alice:{ALICE}", gone)
            await story.says("/status")
            await house.dispatchctl("users", "remove", "alice", status=1)
        assert await house.stop() == 0
        kinds = house.kinds()
        for kind in ("pairing.opened", "account.paired", "pairing.refused", "account.unpaired"):
            assert kinds.count(kind) == 1, kind
        assert "intact" in house.verify()


async def to_a_first_task(house: EmptyHouse, story: Story) -> None:
    answers = str(house.home / "answers.toml")
    again = house.dispatchctl("setup", "--answers", answers)
    await story.host("dispatchctl setup --answers answers.toml", again)
    await story.says("/status")
    waiting, code = await house.pair()
    story.same.also(re.escape(code), "CODE")
    await story.host("dispatchctl pair alice", house.has_shown())
    house.tg.people[ALICE] = {"first_name": "Al\u202eice", "username": "al"}
    await story.says(f"/start {code}")
    await story.host("(the command goes on)", house.end_of(waiting))
    await story.presses("Try it: /git status")
    await story.says(f"/start {code}", STRANGER)
    await story.host("dispatchctl users list", house.dispatchctl("users", "list"))
    assert code not in str(house.records())


async def in_a_group(house: EmptyHouse, story: Story) -> None:
    topic: dict[str, Any] = {"chat": FORUM, "user": ALICE, "topic": 7}
    await story.says("/git@test_bot status", **topic)
    await story.says("/status", **topic)
    house.tg.user_says(FORUM, "/pair", user_id=BOB, topic=7)  # nobody we know
    await story.says("/pair", **topic)
    await story.says("/git@test_bot status", **topic)
    assert len([text for text in house.texts(FORUM) if "yet." in text and "work" in text]) == 1


async def test_a_program_gets_the_code_at_once_and_hands_it_on(tmp_path: Path) -> None:
    async with EmptyHouse(tmp_path, None) as house:
        opened = json.loads(await house.dispatchctl("pair", "alice", "--json"))
        assert (opened["v"], opened["user"]) == (1, "alice")
        assert opened["link"] == f"https://t.me/test_bot?start={opened['code']}"
        assert opened["left_seconds"] > 500
        house.tg.user_says(ALICE, f"/start {opened['code']}")
        await house.reads("alice")
        listed = json.loads(await house.dispatchctl("users", "list", "--json"))
        assert listed["users"]["alice"][-1]["account"] == f"telegram:{ALICE}"
