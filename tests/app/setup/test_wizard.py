"""The wizard as somebody at a terminal meets it: the real program in a terminal of its own."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.agent.session import MINIMUM_VERSION
from appliance.app.setup.settings_text import beginning
from appliance.config import load
from appliance.core.model import ProjectName, UserName
from tests.emulators.telegram import TelegramEmulator

TOKEN = "123456:TEST"
PATIENCE_SECONDS = 60


class Terminal:
    """A program with a terminal that is typed at."""

    def __init__(self, *argv: str, path: str) -> None:
        self._argv = argv
        self._path = path
        self.shown = ""

    async def __aenter__(self) -> Terminal:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self.process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": self._path},
            start_new_session=True,
            preexec_fn=_can_be_interrupted,
        )
        os.close(theirs)
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def _read(self) -> None:
        try:
            self.shown += os.read(self._ours, 4096).decode()
        except OSError:  # the program has closed its side
            asyncio.get_running_loop().remove_reader(self._ours)
        self._news.set()

    async def answers(self, question: str, answer: str) -> None:
        """Type it once the question is there, which may be a second time."""
        await self.until(question)
        self.shown = self.shown[self.shown.index(question) + len(question) :]
        os.write(self._ours, f"{answer}\n".encode())

    async def until(self, words: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while words not in self.shown:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"{words!r} is not shown, but: {self.shown}")

    async def interrupted(self) -> int:
        """A signal just before the program waits for a key is lost; people press again."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.process.send_signal(signal.SIGINT)
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        return await self.process.wait()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()


def _can_be_interrupted() -> None:
    """What a shell starts in the background cannot, nor what that starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def setup(file: Path, programs: str = "/nowhere") -> Terminal:
    program = (sys.executable, "-m", "appliance.app.dispatchctl")
    return Terminal(*program, "setup", "--config", str(file), path=f"{programs}:/usr/bin:/bin")


CLAUDE = f"""#!/bin/sh
case $1 in
--version) echo "{".".join(map(str, MINIMUM_VERSION))} (Claude Code)" ;;
auth)
  [ $2 = status ] || touch "$HOME/in"
  [ ! -e "$HOME/in" ] || echo '{{"loggedIn": true}}' ;;
esac
"""


async def test_it_asks_for_what_is_missing_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "conf/dispatch.toml"
    file.parent.mkdir(mode=0o700)
    (tmp_path / "web shop").mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "claude").write_text(CLAUDE)
    (programs / "claude").chmod(0o755)
    async with TelegramEmulator(TOKEN) as telegram:
        file.write_text(f'{beginning(file)}\n[telegram]\napi = "{telegram.url}"\n')
        async with setup(file, str(programs)) as terminal:
            await terminal.answers("Your name here [", "Alice Liddell")
            await terminal.until("A small letter, then up to 31 small letters")
            await terminal.answers("Your name here [", "alice")
            await terminal.answers("A project's directory: ", str(tmp_path / "nowhere"))
            await terminal.until("There is no directory")
            await terminal.answers("A project's directory: ", str(tmp_path / "web shop"))
            await terminal.answers("What to call it in the chat [web-shop]: ", "")
            await terminal.answers(f"May {programs}/claude do the tasks? [Y/n]: ", "")
            await terminal.answers("Token (not shown): ", TOKEN)
            await terminal.answers("Its name in chats (empty: as it is): ", "Dispatch")
            await terminal.answers("Log Claude Code in now? [Y/n]: ", "y")
            await terminal.until("then: dispatchctl pair alice")
            assert await terminal.ended() == 0
            assert re.search(r"next: dispatchd --config \S+/conf/dispatch.toml", terminal.shown)
            assert TOKEN not in terminal.shown
        settings = load(file)
        assert settings.users[UserName("alice")].unix
        assert settings.projects[ProjectName("web-shop")].path == str(tmp_path / "web shop")
        async with setup(file, str(programs)) as terminal:
            await terminal.until("nothing to change")
            assert "agent login" not in terminal.shown
            assert await terminal.ended() == 0


async def test_a_word_that_is_no_token_is_told_so_and_the_rest_is_asked_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "dispatch.toml"
    async with setup(file) as terminal:
        await terminal.answers("Your name here [", "alice")
        await terminal.answers("A project's directory: ", str(tmp_path))
        await terminal.answers("What to call it in the chat [", "demo")
        await terminal.until("Claude Code is not on the PATH here")
        await terminal.answers("Write to the agent from Telegram? [Y/n]: ", "")
        await terminal.answers("Token (not shown): ", "hello")
        await terminal.until("that is no token: digits, a colon, letters")
        assert await terminal.ended() == 78
    assert not file.exists()


async def test_who_interrupts_it_reads_no_trace(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    async with setup(file) as terminal:
        await terminal.until("Your name here [")
        assert await terminal.interrupted() == 130
        assert "Traceback" not in terminal.shown
    assert not file.exists()
