"""`dispatchctl credential set|list|remove`: tokens and keys, as files that only the daemon gets.

Where systemd is, a secret is encrypted for this machine (its TPM, or a key that only root reads),
and systemd decrypts it for dispatchd alone. Elsewhere it is a file with mode 0600. A secret is
asked for without echo, or read from a file or the standard input; never taken from the command
line, which everybody on the machine can read.
"""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError

DIRECTORY = Path("/etc/dispatch/credentials")
RESTART = "systemctl restart dispatchd"


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `credential …` into dispatchctl; the chosen function is in `arguments.run`."""
    group = commands.add_parser("credential", help="tokens and keys: set, list, remove")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    setter = actions.add_parser("set", help="keep a secret under a name; it is asked for")
    lister = actions.add_parser("list", help="the names of the secrets, and how they are kept")
    remover = actions.add_parser("remove", help="keep a secret no longer")
    setter.set_defaults(run=run_set)
    lister.set_defaults(run=run_list)
    remover.set_defaults(run=run_remove)
    for parser in (setter, remover):
        parser.add_argument(
            "name", metavar="NAME", help="as the settings call it, such as telegram-token"
        )
    source = setter.add_mutually_exclusive_group()
    source.add_argument("--stdin", action="store_true", help="read it from the standard input")
    source.add_argument("--file", type=Path, metavar="FILE", help="read it from a file")
    setter.add_argument(
        "--dry-run", action="store_true", help="change nothing, say whether it would"
    )
    for parser in (setter, lister):
        parser.add_argument("--json", action="store_true", help="answer as JSON")
    for parser in (setter, lister, remover):
        parser.add_argument(
            "--directory",
            type=Path,
            default=DIRECTORY,
            metavar="DIR",
            help="daemon.credentials of the settings (default: %(default)s)",
        )


def run_set(arguments: argparse.Namespace) -> int:
    from appliance.app.credential_files import is_kept, keep

    name = _checked_name(arguments.name)
    secret = _checked(_read(arguments))
    known = is_kept(arguments.directory, name, secret)
    if known or arguments.dry_run:
        return _tell_set(arguments, name, known, changed=not known)
    return _tell_set(arguments, name, keep(arguments.directory, name, secret), changed=True)


def _tell_set(arguments: argparse.Namespace, name: str, how: str, *, changed: bool) -> int:
    """`how` it is kept, "" while it is not."""
    if arguments.json:
        print(json.dumps({"v": 1, "name": name, "changed": changed, "kept": how}))
    elif not changed:
        print(f"{name}: nothing to change, it is kept {how}")
    elif not how:
        print(f"{name}: would be kept")
    else:
        print(f"{name}: kept, {how}")
        print(f"dispatchd reads it when it starts: {RESTART}")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    from appliance.app.credential_files import kept_credentials

    kept = kept_credentials(arguments.directory)
    if arguments.json:
        credentials = [{"name": name, "kept": how} for name, how in kept.items()]
        print(json.dumps({"v": 1, "credentials": credentials}))
        return 0
    for name, how in kept.items():
        print(f"{name:<24} {how}")
    if not kept:
        print("no credentials yet: dispatchctl credential set NAME")
    return 0


def run_remove(arguments: argparse.Namespace) -> int:
    from appliance.app.credential_files import forget

    name = _checked_name(arguments.name)
    if not forget(arguments.directory, name):
        raise ConfigError(
            f'there is no credential "{name}"', hint="see: dispatchctl credential list"
        )
    print(f"{name}: removed; a running dispatchd has it until: {RESTART}")
    return 0


# --- the secret


def _read(arguments: argparse.Namespace) -> bytes:
    from appliance.config import MAX_CREDENTIAL_BYTES

    if arguments.file is not None:
        try:
            with arguments.file.open("rb") as file:
                return bytes(file.read(MAX_CREDENTIAL_BYTES + 1))
        except OSError as error:
            raise ConfigError(f"cannot read {arguments.file}: {error.strerror}") from error
    if arguments.stdin:
        return sys.stdin.buffer.read(MAX_CREDENTIAL_BYTES + 1)
    if not sys.stdin.isatty():
        raise ConfigError(
            "there is no terminal to ask on", hint="use --stdin or --file, as in: … --stdin <FILE"
        )
    try:
        return getpass.getpass(f"{arguments.name} (what you type is not shown): ").encode()
    except EOFError:
        return b""


def _checked(raw: bytes) -> bytes:
    """One line of text, as `read_credential` will want it. Raises ConfigError."""
    from appliance.config import MAX_CREDENTIAL_BYTES

    try:
        secret = raw.decode().strip()
    except UnicodeDecodeError:
        raise ConfigError("the secret is not text") from None
    if not secret or not secret.isprintable() or len(raw) > MAX_CREDENTIAL_BYTES:
        raise ConfigError("the secret is empty, too long, or more than one line")
    return secret.encode()


def _checked_name(name: str) -> str:
    from appliance.config import CREDENTIAL_NAME

    if re.fullmatch(CREDENTIAL_NAME, name) is None:
        raise ConfigError(
            f'"{name}" is no name of a credential: letters, digits, ".", "_" and "-", at most 64'
        )
    return name
