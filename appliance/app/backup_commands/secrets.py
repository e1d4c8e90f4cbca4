"""What opens and closes a backup: a passphrase or a key, never from the command line."""

from __future__ import annotations

import argparse
import getpass
import os
import stat
import sys
from pathlib import Path

from appliance.backup.age import Identity, Key, Lock, Passphrase, Recipient
from appliance.errors import ConfigError

MIN_CHARACTERS = 10
MAX_BYTES = 16 * 1024


def lock_of(arguments: argparse.Namespace) -> Lock:
    """What a backup is encrypted to. Raises ConfigError."""
    if arguments.recipient is not None:
        try:
            return Recipient.parse(arguments.recipient)
        except ValueError as error:
            raise ConfigError(
                f"--recipient is no age public key: {error}", hint="make one with: age-keygen"
            ) from error
    text = _given(arguments) or _asked_twice()
    if len(text) < MIN_CHARACTERS:
        raise ConfigError(
            f"the passphrase has less than {MIN_CHARACTERS} characters",
            hint="take some words that nobody would put together",
        )
    return Passphrase(text)


def key_of(arguments: argparse.Namespace) -> Key:
    """What opens a backup. Raises ConfigError."""
    if arguments.identity is not None:
        return _identity(arguments.identity)
    return Passphrase(_given(arguments) or _asked("passphrase of the backup"))


def private_text(file: Path) -> str:
    """The text of a file that nobody else can read or change. Raises ConfigError."""
    try:
        # not held up by a pipe that nobody writes to
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as content:
            _require_private(file, os.fstat(content.fileno()))
            raw = content.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    try:
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{file} is too long")
        return raw.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not text") from None


def _require_private(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{file} is no plain file")
    if found.st_mode & 0o077:
        raise ConfigError(f"others can read {file}", hint=f"chmod 600 {file}")
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"{file} belongs to user id {found.st_uid}, not to you")


def _identity(file: Path) -> Identity:
    """As age-keygen writes it: comments, and one line with the key."""
    lines = [line.strip() for line in private_text(file).splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        (text,) = keys
        return Identity.parse(text)
    except ValueError:
        raise ConfigError(
            f"{file} does not hold one age private key", hint="one line: AGE-SECRET-KEY-1…"
        ) from None


def _given(arguments: argparse.Namespace) -> str:
    if arguments.passphrase_file is None:
        return ""
    text = private_text(arguments.passphrase_file).removesuffix("\n").removesuffix("\r")
    if not text or "\n" in text:
        raise ConfigError(f"{arguments.passphrase_file} is not one line of text")
    return text


def _asked_twice() -> str:
    text = _asked("passphrase for the backup")
    if text != _asked("the same again"):
        raise ConfigError("that was not the same passphrase twice")
    return text


def _asked(what: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on", hint="use --passphrase-file FILE")
    try:
        return getpass.getpass(f"{what} (what you type is not shown): ")
    except EOFError:
        return ""
