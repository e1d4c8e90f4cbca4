"""`screen`: what the console shows, on 80 by 25 characters: how the machine is, and a code to pair.

One program for all consoles, so that they show one code. It takes no input. Whoever sees a console
may pair the first phone: who stands before the machine, or has its virtual console, owns it. Once
the user has a phone, no code is shown any more.
"""

from __future__ import annotations

import os
import socket
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from appliance.app import qr
from appliance.app.cli import run_program
from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.control_commands import connect
from appliance.errors import ApplianceError

if TYPE_CHECKING:  # how a type checker finds what lies beside this module
    from packaging.image.dispatch_image import trial
    from packaging.image.dispatch_image.places import FAILED, SAID, SET_UP, TOLD
else:
    from dispatch_image import trial
    from dispatch_image.places import FAILED, SAID, SET_UP, TOLD

CONSOLES = Path("/sys/class/tty/console/active")
PAUSE_SECONDS = 2.0
COLUMNS = 80
ROWS = 25
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
NOT_TOLD = (
    "This machine is waiting to be told what it is for, in one of two ways:",
    "",
    "  a USB stick with the label DISPATCH and the file dispatch-appliance.toml",
    "  the system credential dispatch.setup (SMBIOS or fw_cfg)",
    "",
    "Nobody can log in, and nothing listens. What belongs into the file is in",
    "the README of the image.",
)
BEING_TOLD = (
    "This machine was told what it is for, and is being set up. That takes a",
    "minute, and begins again until it succeeds.",
)


@dataclass(frozen=True, slots=True)
class Pairing:
    """A code that waits for a phone."""

    id: str
    user: str
    link: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to show. `lines` of dispatchd; `trouble`: what keeps it from being ready.

    `is_told`: it knows what it is for, and is being set up.
    """

    version: str
    host: str
    addresses: tuple[str, ...]
    is_set_up: bool
    is_told: bool = False
    is_ready: bool = False
    lines: tuple[str, ...] = ()
    trouble: str = ""
    pairing: Pairing | None = None


def main() -> int:
    return run_program("screen", _main)


def _main() -> int:
    shown: list[str] = []
    pairing: Pairing | None = None
    while True:
        facts = _facts(pairing)
        pairing = facts.pairing
        lines = painted(facts)
        if lines != shown:
            _show(CLEAR + "\n".join(lines) + "\n")
            shown = lines
        time.sleep(PAUSE_SECONDS)


def _show(text: str) -> None:
    """On every console that the kernel has; one that cannot be written to keeps nobody waiting."""
    for console in consoles(CONSOLES.read_text()):
        try:
            descriptor = os.open(console, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            continue
        with os.fdopen(descriptor, "wb", buffering=0) as terminal, suppress(OSError):
            os.set_blocking(descriptor, True)
            terminal.write(text.encode())


def consoles(active: str) -> list[Path]:
    """As the kernel lists them; its "tty0" is whichever is in front, and that is the first."""
    return [Path("/dev", "tty1" if name == "tty0" else name) for name in active.split()]


# --- what is shown


def painted(facts: Facts) -> list[str]:
    """The lines, at most ROWS - 1 of them: the cursor needs one."""
    state = (
        "READY"
        if facts.is_ready
        else "starting"
        if facts.is_set_up or facts.is_told
        else "not set up"
    )
    head = f"dispatch-appliance {facts.version}   {facts.host}   {', '.join(facts.addresses)}"
    lines = [f"{head[: COLUMNS - len(state) - 2]:<{COLUMNS - len(state) - 1}}{state}", ""]
    if facts.trouble:
        lines += [*_wrapped(facts.trouble, COLUMNS - 1), ""]
    if not facts.is_set_up:
        lines += BEING_TOLD if facts.is_told else NOT_TOLD
    elif facts.pairing is not None:
        lines += _beside(facts.pairing)
    else:
        lines += facts.lines
    return lines[: ROWS - 1]


def _beside(pairing: Pairing) -> list[str]:
    """The code on the left, what to do with it on the right."""
    code = qr.terminal_lines(pairing.link)
    width = COLUMNS - qr.width(pairing.link) - 4
    words = [
        "",
        *_wrapped(f"To pair {pairing.user}: scan this with the phone, then press Start.", width),
        "",
        *_wrapped("Or open this link there:", width),
        *_wrapped(pairing.link, width),
        "",
        *_wrapped(
            f"Whoever is first is {pairing.user}. It works once, for ten minutes; then "
            "there is another one.",
            width,
        ),
    ]
    words += [""] * (len(code) - len(words))
    return [f"{row}   {said}".rstrip() for row, said in zip(code, words, strict=False)]


def _wrapped(text: str, width: int) -> list[str]:
    return [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    ]


# --- where it comes from


def _facts(pairing: Pairing | None) -> Facts:
    version = trial.running_version()
    is_set_up, is_told = SET_UP.exists(), TOLD.exists()
    base = Facts(version, socket.gethostname(), tuple(_addresses()), is_set_up, is_told)
    if not base.is_set_up:
        return replace(base, trouble=SAID.read_text() if SAID.exists() else "")
    failed = FAILED.read_text().strip() if FAILED.exists() else ""
    trouble = f"The update to {failed} did not work; version {version} runs." if failed else ""
    try:
        with connect(DEFAULT_FILE) as client:
            lines = tuple(_status(client.ask("status")))
            pairing = _pairing(client, pairing)
    except ApplianceError as error:
        return replace(base, trouble=trouble or f"dispatchd is not there: {error.message}")
    return replace(base, is_ready=True, lines=lines, trouble=trouble, pairing=pairing)


def _addresses() -> Iterator[str]:
    for name, found in sorted(psutil.net_if_addrs().items()):
        if name != "lo":
            yield from (one.address for one in found if one.family is socket.AF_INET)


def _status(report: dict[str, Any]) -> Iterator[str]:
    yield f"isolation  {report['isolation']}"
    for name, line in report["parts"].items():
        if line:
            yield f"{name:<10} {line}"[: COLUMNS - 1]
    yield ""
    yield "Write to the bot. Here there is nothing to type."


def _pairing(client: Any, open_one: Pairing | None) -> Pairing | None:
    """The one that is open, or another when nobody used it; None when nobody needs one."""
    waiting = who_waits(client.ask("users")["users"])
    if not waiting:
        return None
    if open_one is not None and client.ask("pairing", id=open_one.id)["state"] == "open":
        return open_one
    opened = client.ask("pair", user=waiting[0])
    return Pairing(opened["id"], opened["user"], opened["link"])


def who_waits(users: dict[str, Sequence[dict[str, Any]]]) -> list[str]:
    """The first user, as long as they have no phone: others are theirs to pair, and to see."""
    first = next(iter(users), "")
    accounts = users.get(first, ())
    has_phone = any(account["account"].startswith("telegram:") for account in accounts)
    return [] if has_phone or not first else [first]
