"""`first-boot`: bring this machine to what it was told, by credentials or on a stick.

Told nothing, it leaves the machine as it is: closed, with a screen that says what to do. It may be
run again after every failure, and does nothing twice. Neither a token nor a key is ever an argument
or a variable: they go through files that only root reads, in memory, and are gone afterwards.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app.cli import run_program
from appliance.app.files import write
from appliance.errors import ApplianceError, ConfigError

if TYPE_CHECKING:  # how a type checker finds what lies beside this module
    from packaging.image.dispatch_image import agent, setup_file, stick
    from packaging.image.dispatch_image.places import RUN, SAID, SET_UP, TOLD
else:
    from dispatch_image import agent, setup_file, stick
    from dispatch_image.places import RUN, SAID, SET_UP, TOLD

KEYS = Path("/etc/ssh/authorized_keys.d/root")
SSH_RULE = Path("/etc/nftables.d/ssh.nft")
UPDATE_URL = Path("/etc/dispatch-image/update-url")
OWNER = "projects"
COMMAND_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Told:
    """What was found. `file`: on a stick, to be erased when all is done."""

    content: str
    token: str
    key: str
    file: Path | None = None


def main() -> int:
    return run_program("first-boot", _main)


def _main() -> int:
    RUN.mkdir(mode=0o700, exist_ok=True)
    SAID.unlink(missing_ok=True)
    try:
        with stick.mounted() as place:
            told = find(_credentials(), place)
            if told is None:
                print("told nothing: waiting for a stick", flush=True)
                return 0
            TOLD.touch()
            carry_out(setup_file.read(told.content, told.token, told.key))
            _done(told)
    except ApplianceError as error:
        SAID.write_text(error.message + (f" ({error.hint})" if error.hint else ""))
        raise
    return 0


def find(credentials: Path, place: Path | None) -> Told | None:
    """A credential counts before a stick."""
    names = ("dispatch.telegram-token", "dispatch.agent-key")
    token, key = (_text(credentials / name).strip() for name in names)
    if (setup := credentials / "dispatch.setup").exists():
        return Told(_text(setup), token, key)
    file = place / stick.FILE if place is not None else None
    if file is None or not file.is_file():
        return None
    return Told(_text(file), token, key, file)


def carry_out(wishes: setup_file.Wishes) -> None:
    """All of it, in an order in which each step finds what it needs. Raises ApplianceError."""
    _name(wishes.machine.name)
    _let_in(wishes.machine.ssh_keys)
    if wishes.machine.update_url:
        _write(UPDATE_URL, f"{wishes.machine.update_url}\n")
    for name, path in wishes.projects().items():
        _make_project(Path(path), wishes.clones.get(name, ""))
    _set_up(wishes)
    if wishes.agent.registry:
        agent.install_from(wishes.agent.registry)
    if wishes.agent.registry or wishes.agent.key:
        agent.configure(wishes.agent.key)
    _run("systemctl", "enable", "--now", "dispatch.target")


def _done(told: Told) -> None:
    SET_UP.touch()
    if told.file is not None:
        stick.erase(told.file)


# --- the machine


def _name(name: str) -> None:
    if name:
        _write(Path("/etc/hostname"), f"{name}\n")
        socket.sethostname(name)


def _let_in(keys: tuple[str, ...]) -> None:
    """No key, no door: sshd does not run, and its port is closed."""
    if not keys:
        return
    _write(KEYS, "".join(f"{key}\n" for key in keys))
    _write(SSH_RULE, "tcp dport 22 ct state new limit rate 10/minute accept\n")
    _run("ssh-keygen", "-A")
    _run("systemctl", "reload-or-restart", "nftables.service")
    _run("systemctl", "enable", "--now", "ssh.service")


def _make_project(path: Path, origin: str) -> None:
    """A git repository, of a user who is neither root nor the agent."""
    if path.exists():
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.mkdir(mode=0o755)
    shutil.chown(unfinished, OWNER, OWNER)
    what = ["clone", "--quiet", "--", origin, "."] if origin else ["init", "--quiet", "."]
    _run("runuser", "-u", OWNER, "--", "git", "-C", str(unfinished), *what)
    unfinished.rename(path)


# --- the appliance


def _set_up(wishes: setup_file.Wishes) -> None:
    answers, token = RUN / "answers.toml", RUN / "token"
    try:
        _write(token, wishes.token, mode=0o600)
        _write(answers, wishes.answers_text(str(token)), mode=0o600)
        _run("dispatchctl", "setup", "--answers", str(answers))
    finally:
        for file in (answers, token):
            file.unlink(missing_ok=True)


def _credentials() -> Path:
    return Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(setup_file.MAX_BYTES + 1)
        if len(raw) > setup_file.MAX_BYTES:
            raise ConfigError(f"{file.name} has more than {setup_file.MAX_BYTES} bytes")
        return raw.decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file.name}: {error}") from error


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, text, mode=mode)


def _run(*command: str) -> None:
    """Raises ConfigError with the command's last words."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ConfigError(f"{command[0]}: {' '.join(words[-2:])}")
