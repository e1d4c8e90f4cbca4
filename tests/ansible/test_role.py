"""The role as it works on a Mac, with a stand-in for Homebrew and all else of ours real.

On this machine, over Ansible's local connection. What it does to a machine with systemd is shown
in `tests/system/ansible_from_bare.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.ansible import playbooks
from tests.ansible.playbooks import Control, Played
from tests.emulators.telegram import TelegramEmulator

BREW = Path(__file__).with_name("brew")
TOKEN = "123456:TEST"
CHAT = 4711

pytestmark = pytest.mark.timeout(180)


class Mac:
    """Homebrew's prefix, a bot, and an operator who provisions it."""

    def __init__(self, home: Path, tg: TelegramEmulator) -> None:
        self.tg = tg
        self.prefix = home / "brew"
        self.policy = home / "policy"
        self._project = home / "demo"
        for directory in (self.prefix / "bin", self.prefix / "var", self.policy, self._project):
            directory.mkdir(parents=True)
        shutil.copy(BREW, self.prefix / "bin")
        (self.prefix / "programs").write_text(str(playbooks.PROGRAMS))
        (self.policy / "roles.csv").write_text("g, alice, owner\n")
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_remote_tmp": str(home / "tmp"),
        }
        found = {"system": "Darwin", "prefix": str(self.prefix)}
        extra = json.dumps({f"dispatch_appliance_{k}": v for k, v in found.items()})
        self._control = Control(home, local, "--extra-vars", extra)
        self.wants()

    def wants(self, **more: object) -> None:
        walls = {"minimum_isolation": "none", "unsafe_no_sandbox": True, "stop_grace_seconds": 1}
        given: dict[str, object] = {
            "settings": {
                "daemon": walls,
                "telegram": {"api": self.tg.url},
                "awake": {"enabled": False},
                "audit": {"anchor_journal": False},
            },
            "users": {"alice": {"unix": [os.getuid()], "zone": "Europe/Berlin"}},
            "projects": {"demo": {"path": str(self._project)}},
            "policies": [str(playbooks.ROOT / "policies"), str(self.policy)],
            "credentials": {"telegram-token": TOKEN},
            "bot": {"name": 'The "forge" 🔨'},
            "verifier": f"{playbooks.PROGRAMS}/dispatchctl",
        }
        self._control.variables(**(given | more))

    async def plays(self, name: str, *options: str, ok: bool = True) -> Played:
        return await asyncio.to_thread(self._control.play, name, *options, ok=ok)

    def file(self, name: str) -> Path:
        return self.prefix / "etc/dispatch" / name

    def pid(self) -> int:
        return int((self.prefix / "var/pid").read_text())

    def stop(self) -> None:
        with suppress(OSError):
            os.kill(self.pid(), signal.SIGTERM)


@pytest_asyncio.fixture
async def mac(tmp_path: Path) -> AsyncIterator[Mac]:
    playbooks.require()
    async with TelegramEmulator(TOKEN) as tg:
        mac = Mac(tmp_path, tg)
        try:
            yield mac
        finally:
            mac.stop()


async def test_role(mac: Mac) -> None:
    await it_changes_nothing_in_check_mode(mac)
    await it_is_set_up_once(mac)
    await a_broken_policy_is_refused(mac)
    await what_is_changed_is_what_is_done(mac)
    await a_phone_is_paired(mac)


async def it_changes_nothing_in_check_mode(mac: Mac) -> None:
    """Where nothing is installed yet."""
    played = await mac.plays("site", "--check", "--diff")
    assert "It would be installed" in played.said
    assert sorted(path.name for path in mac.prefix.iterdir()) == ["bin", "programs", "var"]


async def it_is_set_up_once(mac: Mac) -> None:
    played = await mac.plays("site", "--diff", "-vvv")
    assert "+zone = " in played.said
    assert TOKEN not in played.said
    assert mac.file("credentials/telegram-token").read_text() == TOKEN
    again = await mac.plays("site")
    assert (again.changed, again.count_changed) == ([], 0)


async def a_broken_policy_is_refused(mac: Mac) -> None:
    pid = mac.pid()
    (mac.policy / "more.csv").write_text("# more\np, owner, *, bahs, ls, allow\n")
    refused = await mac.plays("site", ok=False)
    assert "policies/more.csv:2:" in refused.said
    assert not mac.file("policies/more.csv").exists()
    assert mac.pid() == pid


async def what_is_changed_is_what_is_done(mac: Mac) -> None:
    """An unusable setting: nothing is. A rule and a setting: both, and one restart."""
    pid, before = mac.pid(), mac.file("dispatch.toml").read_text()
    mac.wants(users={"alice": {"unix": [os.getuid()], "zone": "Mars"}})
    refused = await mac.plays("site", ok=False)
    assert '"zone" in [users.alice] must be' in refused.said
    assert mac.file("dispatch.toml").read_text() == before
    mac.wants(users={"alice": {"unix": [os.getuid()], "language": "de"}})
    (mac.policy / "more.csv").write_text("p, owner, *, mcp, github/get_*, allow\n")
    done = await mac.plays("site")
    assert done.changed == [
        "Put the settings in place",
        "Restart dispatchd under launchd",
        "Put the policy in place",
    ]
    assert "+ alice everywhere: mcp github/get_*: denied" in done.said
    assert mac.pid() != pid


async def a_phone_is_paired(mac: Mac) -> None:
    played = await mac.plays("pair")
    (link,) = [word for word in played.said.split() if word.startswith("https://t.me/")]
    assert played.said.count(link.rpartition("=")[2]) == 1
    mac.tg.user_says(CHAT, f"/start {link.rpartition('=')[2]}")
    async with asyncio.timeout(30), mac.tg.changed:
        await mac.tg.changed.wait_for(lambda: bool(mac.tg.sent(CHAT)))
    assert "https://t.me/" not in (await mac.plays("pair")).said
