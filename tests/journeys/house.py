"""A whole installation on real parts: `dispatchd` as a process, both far sides played.

    async with House(tmp_path, claude, Turn(...)) as house:
        house.tg.user_says(ALICE, "fix the bug")
        await house.reads("done")

The daemon can be killed and started again; the emulators and the files stay.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.emulators.anthropic import Anthropic, Turn
from tests.emulators.telegram import TelegramEmulator

ROOT = Path(__file__).parents[2]
ALICE, BOB, STRANGER = 4711, 815, 666
TOKEN = "123456:TEST"
KEY = "sk-journey-5f1c"
PATIENCE_SECONDS = 30
NOTICES = ("Audit log ·", "Audit checkpoint ·")

SETTINGS = """
[daemon]
state = "{home}/state"
policies = "{home}/policies"
credentials = "{home}/credentials"
minimum_isolation = "none"
unsafe_no_sandbox = {unsafe}
stop_grace_seconds = 1
[telegram]
api = "{telegram}"
[terminal]
socket = "{home}/control.sock"
[users.{owner}]
telegram = [{alice}]
unix = [{uid}]
[users.bob]
telegram = [{bob}]
[projects.demo]
path = "{home}/project"
"""
AUDIT = """
socket = "{home}/audit.sock"
directory = "{home}/audit"
user = "{uid}"
"""
CLAUDE = """
[claude]
program = "{program}"
home = "{home}/agent"
login = "claude-key"
api = "{api}"
"""


READY = {"dispatchd": "appliance.app.daemon", "dispatch_audit": "__main__"}
"""Who says that a program is ready."""


class House:
    """`rules` are lines added to the shipped policy; `program` None: recipes only.

    Not `walled`: as on a machine without bubblewrap. `within` is what starts our programs.
    `anchors`: lines for [audit] about where checkpoints go.
    `sections`: more of the settings, "{home}" is its directory.
    `separate_audit`: a dispatch-audit beside the daemon, which can be killed and started, too.
    `owner`: what the policy and the settings call whoever owns it all.
    """

    def __init__(
        self,
        home: Path,
        program: Path | None,
        *turns: Turn,
        rules: Iterable[str] = (),
        walled: bool = True,
        within: Sequence[str] = (),
        separate_audit: bool = False,
        anchors: str = "",
        awake: bool = False,
        sections: str = "",
        owner: str = "me",
    ) -> None:
        self.home = home
        self.project = home / "project"
        self.tg = TelegramEmulator(TOKEN)
        self.api = Anthropic(*turns, key=KEY)
        self.daemon: Process | None = None
        self.writer: Process | None = None
        self._separate_audit = separate_audit
        self._anchors = anchors
        self._awake = awake
        self._sections = sections
        self._owner = owner
        self._program = program
        self._rules = tuple(rules)
        self._within = tuple(within)
        self._walled = walled

    async def __aenter__(self) -> Self:
        await self.tg.__aenter__()
        await self.api.__aenter__()
        self._furnish()
        try:
            if self._separate_audit:
                await self.start_writer()
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in (self.daemon, self.writer):
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()
        await self.api.__aexit__(None, None, None)
        await self.tg.__aexit__(None, None, None)

    # --- the files

    def _furnish(self) -> None:
        for name in ("project", "agent", "credentials"):
            (self.home / name).mkdir(mode=0o700, exist_ok=True)
        self._secret("telegram-token", TOKEN)
        self._secret("claude-key", KEY)
        policies = self.home / "policies"
        subprocess.run(["cp", "-r", str(ROOT / "policies"), str(policies)], check=True)
        model = f"p, *, *, net, {self.api.url.removeprefix('http://')}, allow"
        (policies / "model.csv").write_text(model + "\n")
        roles = policies / "roles.csv"
        roles.write_text(roles.read_text().replace(", me,", f", {self._owner},"))
        if self._rules:
            (policies / "more.csv").write_text("\n".join(self._rules) + "\n")
        (self.home / "dispatch.toml").write_text(self._settings())
        if not (self.project / ".git").exists():
            self._git("init", "--quiet", "-b", "main")
        (self.project / "README.md").write_text("hello from the project\n")
        (self.project / "Makefile").write_text("test:\n\t@echo all tests passed\n")

    def _secret(self, name: str, value: str) -> None:
        file = self.home / "credentials" / name
        file.write_text(value)
        file.chmod(0o600)

    def _settings(self) -> str:
        text = SETTINGS.format(
            home=self.home,
            unsafe=str(not self._walled).lower(),
            telegram=self.tg.url,
            owner=self._owner,
            alice=ALICE,
            bob=BOB,
            uid=os.getuid(),
        )
        # neither the sleep nor the journal of the machine that the tests run on
        text += f"[awake]\nenabled = {str(self._awake).lower()}\n"
        text += self._sections.format(home=self.home)
        text += f"[audit]\nanchor_journal = false\n{self._anchors}\n"
        if self._separate_audit:
            text += AUDIT.format(home=self.home, uid=os.getuid())
        if self._program is not None:
            text += CLAUDE.format(program=self._program, home=self.home, api=self.api.url)
        return text

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.project, check=True)

    # --- the programs

    async def start(self) -> None:
        """Returns when the daemon says that it is ready."""
        settings = str(self.home / "dispatch.toml")
        self.daemon = await self._started("daemon.log", "dispatchd", "--config", settings)

    async def start_writer(self) -> None:
        """Returns when dispatch-audit says that it is ready."""
        where = ("--directory", str(self.log), "--socket", str(self.home / "audit.sock"))
        self.writer = await self._started(
            "writer.log", "dispatch_audit", *where, "--writer", str(os.getuid())
        )

    async def _started(self, name: str, program: str, *arguments: str) -> Process:
        path = self.home / name
        with path.open("ab") as log:
            began = log.tell()
            process = await asyncio.create_subprocess_exec(
                *(*self._within, sys.executable, "-m", f"appliance.app.{program}", *arguments),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            # a dispatch-egress of the daemon's own says so, too
            while f"{READY[program]}: INFO: ready" not in path.read_bytes()[began:].decode():
                assert process.returncode is None, path.read_bytes()[began:].decode()
                await asyncio.sleep(0.01)
        return process

    def log_text(self) -> bytes:
        return (self.home / "daemon.log").read_bytes()

    async def logs(self, words: str) -> None:
        """Wait until these words are in the daemon's log."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while words not in self.log_text().decode():
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        await _kill(self.daemon)

    async def kill_writer(self) -> None:
        await _kill(self.writer)

    async def stop(self) -> int:
        assert self.daemon is not None
        self.daemon.terminate()
        return await self.daemon.wait()

    # --- the phone

    def texts(self, chat: int = ALICE) -> list[str]:
        """The bot's messages in a chat as they are now, but for its `notices`."""
        return [text for text in self._texts(chat) if not text.startswith(NOTICES)]

    def notices(self, chat: int = ALICE) -> list[str]:
        """What comes unasked for: the audit log's key and checkpoints."""
        return [text for text in self._texts(chat) if text.startswith(NOTICES)]

    def _texts(self, chat: int) -> list[str]:
        return [str(m.get("text") or m.get("caption") or "") for m in self.tg.sent(chat)]

    async def reads(self, word: str, chat: int = ALICE) -> str:
        """The first message, now or later, that holds the word."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.tg.until(lambda: any(word in text for text in self.texts(chat)))
        except TimeoutError:
            said = "\n--\n".join(self.texts(chat))
            raise AssertionError(
                f"nobody said {word!r}. Said was:\n{said}\n{self.log_text().decode()[-3000:]}"
            ) from None
        return next(text for text in self.texts(chat) if word in text)

    def press(self, label: str, chat: int = ALICE, user: int | None = None) -> str:
        """Press the latest button with this label; returns the click's id."""
        for message in reversed(self.tg.sent(chat)):
            for row in (message.get("reply_markup") or {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        click = f"click-{len(self.tg.clicks)}"
                        self.tg.user_presses(message, button["callback_data"], user, click)
                        return click
        raise AssertionError(f"there is no button {label}")

    async def toast(self, click: str) -> str:
        """What the click was answered with."""
        await self.tg.until(lambda: self.tg.clicks.get(click) is not None)
        return str(self.tg.clicks[click])

    # --- the host

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._within, sys.executable, "-m", "appliance.app.dispatchctl", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @property
    def log(self) -> Path:
        """The directory of the audit log."""
        return self.home / ("audit" if self._separate_audit else "state/audit")

    def records(self) -> list[dict[str, Any]]:
        """The audit log, oldest first, without what was pruned."""
        database = str(self.log / "audit.db")
        found = self.ctl("audit", "log", "--json", "--limit", "100000", database)
        assert found.returncode == 0, found.stderr
        lines = map(json.loads, found.stdout.splitlines())
        return [line["record"] for line in lines if "record" in line]

    def kinds(self) -> list[str]:
        return [record["kind"] for record in self.records()]

    def verify(self) -> str:
        found = self.ctl("audit", "verify", str(self.log / "audit.db"))
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout


async def _kill(process: Process | None) -> None:
    assert process is not None
    with suppress(ProcessLookupError):  # it may have ended by itself
        process.send_signal(signal.SIGKILL)
    await process.wait()
