"""A stopped appliance on a disk, what a backup makes of it, and a place to restore it in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from appliance.app.dispatchctl import main
from appliance.audit.database import DATABASE
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.backup import bech32
from appliance.backup.age import Identity
from appliance.core.model import UserName
from appliance.core.pairing import Account
from appliance.storage.state import SqliteState
from tests.audit.logs import BOOT, queued, sample
from tests.examples import ALICE, NOW
from tests.fakes import FakeClock
from tests.storage.schemas import furnish

rage: Any = pyrage

ROOT = Path(__file__).parents[3]
RAW = bytes(range(32))
RECIPIENT = str(Identity(RAW).recipient)
TOKEN = "123456:AA-this-is-the-token-of-the-bot-itself"

SETTINGS = """
[daemon]
state = "{home}/state"
policies = "{home}/etc/policies"
credentials = "{home}/etc/credentials"
minimum_isolation = "none"
{more}
[terminal]
socket = "{home}/control.sock"
[telegram]
[users.me]
unix = [{uid}]
[projects.demo]
path = "{home}/project"
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything below `home`. A fresh one has nothing but its directory."""

    home: Path

    @property
    def settings(self) -> Path:
        return self.home / "etc" / "dispatch.toml"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def log(self) -> Path:
        return self.state / "audit"

    def furnish(self, more: str = "") -> Installation:
        """Settings, policies, a credential, grants, a state with jobs, a log."""
        for name in ("etc", "etc/credentials", "project"):
            (self.home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings.write_text(SETTINGS.format(home=self.home, uid=os.getuid(), more=more))
        shutil.copytree(ROOT / "policies", self.home / "etc" / "policies")
        token = self.home / "etc" / "credentials" / "telegram-token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        self.state.mkdir(mode=0o700)
        (self.state / "grants.csv").write_text("# granted\n")
        with closing(SqliteState.open(self.state)) as state:
            furnish(state)
        sample(self.log)
        return self

    def ctl(self, *words: str) -> int:
        return main([*words, "--config", str(self.settings)])

    def back_up(self, file: Path, *more: str) -> Path:
        assert self.ctl("backup", str(file), "--recipient", RECIPIENT, *more) == 0
        return file

    def restore(self, file: Path, *more: str) -> int:
        key = file.with_name("key")
        if not key.exists():
            key.write_text(bech32.encode("age-secret-key-", RAW).upper())
            key.chmod(0o600)
        return self.ctl("restore", str(file), "--identity", str(key), *more)

    def pair(self, name: str) -> None:
        """Change the state."""
        with closing(SqliteState.open(self.state)) as state:
            state.save_account(Account(ALICE.sender, UserName(name), name, NOW, UserName("me")))

    def accounts(self) -> list[str]:
        with closing(SqliteState.open(self.state)) as state:
            return [account.user for account in state.accounts()]

    def record(self, number: int = 1) -> None:
        """Go on with the log."""
        with closing(Writer(self.log, FakeClock(), BOOT)) as writer:
            writer.commit([[prepare(queued(number))]])

    def logs(self) -> dict[str, int]:
        """The log and those that were given up, with how many records each has; all intact."""
        found = {}
        for database in (self.log / DATABASE, *sorted(self.log.glob(f"forked-*/{DATABASE}"))):
            verified = verify(database)
            assert verified.verdict is Verdict.INTACT, verified
            found[database.parent.name] = verified.size
        return found


def elsewhere(file: Path, former: Path, place: Path) -> Sequence[str]:
    """Settings for `place`, made from those of the backup's home."""
    text = file.read_text().replace(str(former), str(place))
    target = place / "etc" / "dispatch.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return ("--keep-settings",)


def unpacked(file: Path, place: Path) -> Path:
    """What others find in it."""
    key = rage.x25519.Identity.from_str(bech32.encode("age-secret-key-", RAW).upper())
    place.mkdir()
    content = rage.decrypt(file.read_bytes(), [key])
    subprocess.run(["tar", "x"], input=content, cwd=place, check=True)
    return place


def gone(box: Installation) -> Installation:
    """The disk died; the projects are on another one."""
    for name in ("etc", "state"):
        shutil.rmtree(box.home / name)
    return box
