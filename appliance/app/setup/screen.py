"""How setup talks: lines, questions, and what is being waited for."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from appliance.errors import ApplianceError, ConfigError

T = TypeVar("T")

TICK_SECONDS = 1.0
TRIES = 5
"""After so many answers that do not fit nobody is at the terminal, or nobody knows."""


class Screen:
    """A terminal, or a log where nobody answers (`can_ask` False)."""

    def __init__(self, say: Callable[[str], None], *, can_ask: bool) -> None:
        self._say = say
        self.can_ask = can_ask
        self.changed = 0

    def say(self, line: str) -> None:
        """A line that stays; what is being waited for makes room."""
        self._overwrite("")
        self._say(line)

    def done(self, what: str) -> None:
        """Something was changed."""
        self.changed += 1
        self.say(f"+ {what}")

    def kept(self, what: str) -> None:
        """Something is as it should be."""
        self.say(f"= {what}")

    def note(self, what: str) -> None:
        """Something that people should know."""
        self.say(f"! {what}")

    def ask(
        self, question: str, default: str = "", wrong: Callable[[str], str] | None = None
    ) -> str:
        """An answer that is not `wrong` (which says why). Raises ConfigError without one."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        for _ in range(TRIES):
            answer = _typed(lambda: input(shown)) or default
            problem = wrong(answer) if wrong is not None else "" if answer else "Please answer."
            if not problem:
                return answer
            self.say(f"  {problem}")
        raise ConfigError("none of the answers fits", hint="run dispatchctl setup again")

    def secret(self, question: str) -> str:
        """The same without showing it."""
        return _typed(lambda: getpass.getpass(f"{question} (not shown): "))

    def confirm(self, question: str, *, default: bool = True) -> bool:
        choices = "Y/n" if default else "y/N"
        answer = _typed(lambda: input(f"{question} [{choices}]: ")).casefold()
        return default if not answer else answer in ("y", "yes", "j", "ja")

    async def working(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        """The result of what takes a while; meanwhile people see that, and for how long."""
        failed: ApplianceError | None = None
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(self._count(what))
            try:
                return await work
            except ApplianceError as error:
                failed = error  # out of the group, which would wrap it
            finally:
                clock.cancel()
                self._overwrite("")
        raise failed

    async def _count(self, what: str) -> None:
        seconds = 0
        while True:
            self._overwrite(f"  {what} … {seconds} s" if seconds else f"  {what} …")
            await asyncio.sleep(TICK_SECONDS)
            seconds += 1
            if seconds == 2 and not sys.stdout.isatty():
                self.say(f"  {what} …")

    def _overwrite(self, line: str) -> None:
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size().columns
            sys.stdout.write(f"\r\x1b[K{line[: columns - 1]}")
            sys.stdout.flush()


def _typed(read: Callable[[], str]) -> str:
    try:
        return read().strip()
    except EOFError as error:
        raise ConfigError(
            "there is nobody to answer", hint="use --answers FILE; see man dispatchctl"
        ) from error
