"""The appliance installed on a machine with a real systemd; this test is its far side.

    async with Installation(image, work) as house:
        house.tg.user_says(ALICE, "/test")
        await house.reads("Job 1 ✓ done")
        await house.sh("systemctl kill -s KILL dispatchd")

Two images are made once, each from the one below: a Debian on which `apt install` has put the
package and nobody has set it up, and that machine after `dispatchctl setup --answers`, with all
programs running and a project in a person's home that is given to the agent. What is typed for both
is what README prints. The Bot API and the model are played by this process, so that they stay when
the machine's power is cut.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.emulators.anthropic import Anthropic, Turn
from tests.emulators.telegram import TelegramEmulator
from tests.packaging import built
from tests.system import readme
from tests.system.vm import HOST, Image, Machine, resumed

ALICE = 4711
TOKEN = "123456:TEST"
KEY = "sk-system-0a9f"
PATIENCE_SECONDS = 300.0
"""An emulated machine takes ten seconds for each launcher, and a job needs two of them."""
INSTALL_SECONDS = 400.0
FAR_SIDES = {"telegram": 8081, "model": 8082}
"""On which of the guest's ports they are; a proxy in the guest leads to ours."""

YOURS = {
    "api": f'"http://127.0.0.1:{FAR_SIDES["telegram"]}"',
    "telegram": f"[{ALICE}]",
    "path": '"/home/alice/demo"',
}
"""What is one's own in README's answers; all else there is typed as it is printed."""
INSTALL, SETUP = readme.blocks()

# `make test` says who it is and then does what the file `act` says, if there is one
MAKEFILE = """test:
\t@id -un
\t@test ! -e act || sh ./act
"""

DEPLOY = """#!/bin/sh
echo "deployed to $1"
"""

UNITS = {
    # a test need not wait for half a minute
    "dispatchd.service.d/watchdog.conf": "[Service]\nWatchdogSec=10\n",
    **{
        name: text
        for side, port in FAR_SIDES.items()
        for name, text in (
            (
                f"far-{side}.socket",
                f"[Socket]\nListenStream=127.0.0.1:{port}\n[Install]\nWantedBy=sockets.target\n",
            ),
            (
                f"far-{side}.service",
                "[Service]\nEnvironmentFile=/etc/far-side\n"
                f"ExecStart=/lib/systemd/systemd-socket-proxyd {HOST}:${{{side}}}\n",
            ),
        )
    },
}

SAID_BY_APT, SAID_BY_SETUP = "/root/said-by-apt", "/root/said-by-setup"
FILES_BEFORE = "/root/files-before"
"""Every file of the machine before the package came."""

# the manual and the examples are installed, too: this Debian was made without any; and nothing is
# flushed file by file, which an emulated disk takes long for
PACKAGE = f"""
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/99mmdebstrap
useradd --create-home alice
chmod 700 /home/alice
install -d -o alice -g alice /home/alice/demo
install -t /home/alice/demo /root/Makefile /root/deploy
runuser -u alice -- git -C /home/alice/demo init --quiet
systemctl daemon-reload
systemctl enable --quiet far-telegram.socket far-model.socket
find / -xdev >{FILES_BEFORE}
cd /root
export DEBIAN_FRONTEND=noninteractive
{{ {INSTALL}}} >{SAID_BY_APT} 2>&1
"""
ANSWER, _, START = readme.with_yours(SETUP, YOURS).partition("systemctl")
SET_UP = f"""
cd /root
{{ {ANSWER}}} >{SAID_BY_SETUP}
sed -i '/^.daemon.$/a stop_grace_seconds = 2' /etc/dispatch/dispatch.toml
systemctl{START}"""


class Installation:
    """One machine, the Bot API that its daemon talks to, and a model for its agent."""

    def __init__(self, image: Image, work: Path, *turns: Turn) -> None:
        self.machine = Machine(image, work)
        self.tg = TelegramEmulator(TOKEN)
        self.api = Anthropic(*turns, key=KEY)

    async def __aenter__(self) -> Self:
        await self.tg.__aenter__()
        await self.api.__aenter__()
        try:
            await asyncio.to_thread(self.machine.resume)
            ports = {"telegram": self.tg.url, "model": self.api.url}
            lines = [f"{side}={url.rpartition(':')[2]}" for side, url in ports.items()]
            await self.sh(f"printf '%s\\n' {' '.join(lines)} >/etc/far-side")
            await self.sh("systemctl start far-telegram.socket far-model.socket")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.machine.cut_power()
        await self.api.__aexit__(None, None, None)
        await self.tg.__aexit__(None, None, None)

    # --- the machine

    async def sh(self, script: str, seconds: float = PATIENCE_SECONDS) -> str:
        """What a shell script of root's printed. Raises MachineFailed."""
        return (await asyncio.to_thread(self.machine.sh, script, seconds=seconds)).strip()

    async def until(self, script: str) -> str:
        """What a script prints as soon as it succeeds."""
        done = await asyncio.to_thread(self.machine.until, script, seconds=PATIENCE_SECONDS)
        return done.strip()

    async def refuses(self, script: str, user: str = "dispatch-agent") -> str:
        """What a user is told who tries what cannot be done."""
        words = ("runuser", "-u", user, "--", "sh", "-c", script)
        done = await asyncio.to_thread(self.machine.run, *words, ok=None)
        assert done.status != 0, f"{user} could: {script}\n{done.out}"
        return done.error

    async def restart(self) -> None:
        """Cut the power, and boot the same disk."""
        await asyncio.to_thread(self.machine.cut_power)
        await asyncio.to_thread(self.machine.boot)

    async def acts(self, script: str) -> None:
        """From now on `make test` does this in the project."""
        await self.sh(f"cat >/home/alice/demo/act <<'ACT'\n{script}\nACT")

    async def tests(self, script: str, word: str = "✓ done") -> str:
        """What `/test` answers when it does this, once its card has the word."""
        await self.acts(script)
        said = len(self.texts())
        self.tg.user_says(ALICE, "/test")
        await self._until_said(lambda texts: any(word in t for t in texts), said)
        return "\n".join(self.texts()[said:])

    async def ready(self) -> None:
        """Returns when the daemon has said READY."""
        await self.until('[ "$(systemctl show -p SubState --value dispatchd)" = running ]')

    async def main_pid(self, unit: str) -> int:
        return int(await self.sh(f"systemctl show -p MainPID --value {unit}"))

    async def agents_processes(self) -> list[str]:
        """What the agent's user runs, launchers not counted."""
        found = await self.sh("ps -u dispatch-agent -o args= || true")
        return [line for line in found.splitlines() if "dispatch-task" not in line]

    async def records(self) -> list[dict[str, Any]]:
        """The audit log, oldest first."""
        found = await self.sh("dispatchctl audit log --json --limit 10000")
        lines = map(json.loads, found.splitlines())
        return [line["record"] for line in lines if "record" in line]

    # --- the phone

    def texts(self) -> list[str]:
        return [str(m.get("text") or m.get("caption") or "") for m in self.tg.sent(ALICE)]

    async def reads(self, word: str) -> str:
        """The first message, now or later, that holds the word."""
        await self._until_said(lambda texts: any(word in text for text in texts), 0)
        return next(text for text in self.texts() if word in text)

    async def _until_said(self, enough: Callable[[list[str]], bool], first: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.tg.changed:
                await self.tg.changed.wait_for(lambda: enough(self.texts()[first:]))
        except TimeoutError:
            said = "\n--\n".join(self.texts())
            journal = await self.sh("journalctl -b --no-pager -t systemd -t '*disp*' | tail -60")
            raise AssertionError(f"it was not said. Said was:\n{said}\n{journal}") from None

    def press(self, label: str) -> None:
        """The latest button with this label."""
        for message in reversed(self.tg.sent(ALICE)):
            for row in (message.get("reply_markup") or {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        self.tg.user_presses(message, button["callback_data"])
                        return
        raise AssertionError(f"there is no button {label}")


# --- the images


def packaged_image(base: Image) -> Image:
    """A machine with this checkout's package installed and not set up; made anew after a change."""
    package = built.package()
    texts = f"{base.directory} {PACKAGE} {MAKEFILE} {DEPLOY} {UNITS}".encode()
    made_from = texts + package.read_bytes()
    return _kept(base, "packaged", made_from, lambda place: _install(base, package, place))


def installed_image(packaged: Image) -> Image:
    """That machine, set up and running."""
    made_from = f"{packaged.directory} {SET_UP}".encode()

    def make(place: Path) -> None:
        asyncio.run(_set_up(packaged, place))

    return _kept(packaged, "installed", made_from, make)


def _kept(below: Image, name: str, made_from: bytes, make: Callable[[Path], None]) -> Image:
    """An image of this content: the one that is there, or a new one, and no older one any more."""
    cache = below.directory.parent
    image = Image(cache / f"{name}-{hashlib.sha256(made_from).hexdigest()[:12]}")
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.directory.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                make(Path(directory, "image"))
                for other in cache.glob(f"{name}-*"):
                    shutil.rmtree(other)
                Path(directory, "image").rename(image.directory)
    return image


def _install(base: Image, package: Path, place: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        files = {"root/Makefile": MAKEFILE, "root/deploy": DEPLOY, "root/bot-token": TOKEN}
        files |= {f"etc/systemd/system/{name}": text for name, text in UNITS.items()}
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        with resumed(base) as machine:
            machine.copy_in({"": tree, f"root/{package.name}": package})
            machine.sh(PACKAGE, seconds=INSTALL_SECONDS)
            machine.save(place)


async def _set_up(packaged: Image, place: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        async with Installation(packaged, Path(work)) as house:
            await house.sh(SET_UP)
            await house.ready()
            await house.sh("systemctl stop 'far-*'")  # what is said now would be answered by nobody
            await asyncio.to_thread(house.machine.save, place)
