"""Where secrets are kept: encrypted for this machine, or as files that only their owner reads.

`dispatchd.service` loads both directories and shows dispatchd what is in them, decrypted, under the
names `sealed_NAME` and `plain_NAME`; `config.read_credential` finds it there.
"""

from __future__ import annotations

import hmac
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.app.credential_commands import DIRECTORY
from appliance.app.files import remove, write
from appliance.config import read_credential
from appliance.errors import ConfigError
from appliance.host.machine import runs_systemd

ENCRYPTED_SUFFIX = ".encrypted"
"""Beside the directory of plain files is one of encrypted ones."""
SEALED = "sealed"
"""What the unit calls that directory; a secret is encrypted for one name and no other."""
ENCRYPT_SECONDS = 60
PRIVATE = 0o600
ENCRYPTED = "encrypted for this machine"
PLAIN = "in a file that only its owner reads"


def keep(directory: Path, name: str, secret: bytes) -> str:
    """Keep a secret in the best way there is; which one, in words. Raises ConfigError."""
    plain, encrypted = _places(directory, name)
    if _can_encrypt(directory):
        _put(encrypted, _encrypted(name, secret))
        remove(plain)  # one name, one secret
        return ENCRYPTED
    _put(plain, secret)
    remove(encrypted)
    return PLAIN


def is_kept(directory: Path, name: str, secret: bytes) -> str:
    """How that very secret is kept, in words, when `keep` would change nothing; "" otherwise."""
    plain, encrypted = _places(directory, name)
    try:
        if _can_encrypt(directory):
            is_alone = encrypted.exists() and not plain.exists()
            return ENCRYPTED if is_alone and _is(revealed(directory, name), secret) else ""
        is_alone = _is_private(plain) and not encrypted.exists()
        return PLAIN if is_alone and _is(plain.read_text(), secret) else ""
    except (OSError, UnicodeDecodeError, ConfigError):
        return ""  # what cannot be read is written anew, or `keep` says why not


def _is_private(file: Path) -> bool:
    state = file.stat()
    return (state.st_uid, stat.S_IMODE(state.st_mode)) == (os.geteuid(), PRIVATE)


def _is(known: str, secret: bytes) -> bool:
    return hmac.compare_digest(known.encode(), secret)


def revealed(directory: Path, name: str) -> str:
    """A secret that is kept encrypted, for root. Raises ConfigError."""
    _, encrypted = _places(directory, name)
    command = ["systemd-creds", "decrypt", f"--name={SEALED}_{name}", str(encrypted), "-"]
    return _systemd_creds(command, b"").decode().strip()


def secret_of(directory: Path, name: str) -> str:
    """However it is kept, for root; "" when there is none. Raises ConfigError."""
    match kept_credentials(directory).get(name):
        case "plain":
            return read_credential(name, [str(directory)])
        case "encrypted":
            return revealed(directory, name)
        case _:
            return ""


def forget(directory: Path, name: str) -> bool:
    """Remove a secret; whether there was one. Raises ConfigError."""
    removed = [remove(file) for file in _places(directory, name)]
    return any(removed)


def kept_credentials(directory: Path) -> Mapping[str, str]:
    """The names of the secrets, each with "encrypted" or "plain". Raises ConfigError."""
    places = {"encrypted": _encrypted_beside(directory), "plain": directory}
    found = {name: how for how, place in places.items() for name in _names(place)}
    return dict(sorted(found.items()))


def _can_encrypt(directory: Path) -> bool:
    """With systemd in charge, and where its unit looks: elsewhere nobody would decrypt it."""
    has_systemd = runs_systemd() and shutil.which("systemd-creds") is not None
    return has_systemd and directory == DIRECTORY


def _encrypted(name: str, secret: bytes) -> bytes:
    return _systemd_creds(["systemd-creds", "encrypt", f"--name={SEALED}_{name}", "-", "-"], secret)


def _systemd_creds(command: Sequence[str], secret: bytes) -> bytes:
    """Raises ConfigError with what systemd-creds said."""
    try:
        done = subprocess.run(  # noqa: S603 - a constant command and a checked name
            command, input=secret, capture_output=True, timeout=ENCRYPT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"systemd-creds does not run: {error}") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ConfigError(f"systemd-creds cannot {command[1]}: {why[0]}", hint="run it as root")
    return done.stdout


# --- the files


def _places(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / name, _encrypted_beside(directory) / name


def _encrypted_beside(directory: Path) -> Path:
    return directory.with_name(directory.name + ENCRYPTED_SUFFIX)


def _put(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make {file.parent}: {error.strerror}", hint="run it as root"
        ) from error
    write(file, content, mode=PRIVATE)


def _names(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(
            f"cannot read {directory}: {error.strerror}", hint="run it as root"
        ) from error
