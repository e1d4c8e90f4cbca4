"""`dispatchctl backup|restore`: all that an appliance is, in one encrypted file, and back again.

    backup      gather copies while everything runs, and write the file
    restore     unpack, verify everything, prepare, and only then put in place
    gathering   what goes into a backup
    secrets     passphrases and keys: asked for, or from files that nobody else reads
    places      where what was unpacked belongs, and as whose
    placing     each thing put where it belongs: after a crash all of the old or all of the new
    next_step   the one command that comes after a restore

Nothing of it is imported before a command runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from appliance.app.control_commands import add_config

MADE_WITH = "The file is of the age format with a tar inside: age -d FILE | tar x opens it, too."


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `backup` and `restore` into dispatchctl; the chosen function is in `arguments.run`."""
    _add_backup(commands)
    _add_restore(commands)


def _add_backup(commands: argparse._SubParsersAction[Any]) -> None:
    backup = commands.add_parser(
        "backup",
        help="write all that this appliance is into one encrypted file",
        description="Write the state, the audit log with its newest checkpoint, the settings, the "
        "policies and what was granted into one encrypted file, while everything runs. Files of "
        f"projects and files that people sent are not in it. {MADE_WITH}",
    )
    backup.set_defaults(run=run_backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="is made; must not be there yet")
    lock = backup.add_mutually_exclusive_group()
    lock.add_argument(
        "--recipient",
        metavar="AGE1…",
        help="an age public key: only who has the private one can read it "
        "(default: a passphrase, which is asked for)",
    )
    _add_passphrase_file(lock)
    backup.add_argument(
        "--with-credentials",
        action="store_true",
        help="tokens and keys as well (default: they are set anew after a restore)",
    )
    add_config(backup)


def _add_restore(commands: argparse._SubParsersAction[Any]) -> None:
    restore = commands.add_parser(
        "restore",
        help="put in place what a backup holds, on a stopped appliance",
        description="Verify a backup whole, the log with its signatures included, and put in place "
        "what it holds. Jobs that waited in it are not started, and nothing is sent twice: the "
        "chats are told. The log goes on as a new one that cites the restored one.",
        epilog="Exit status: 0 done, 65 the backup or its log is not what was written, 74 "
        "something still runs or the disk refuses, 78 something is in the way.",
    )
    restore.set_defaults(run=run_restore)
    restore.add_argument("file", nargs="?", type=Path, metavar="FILE", help="made by backup")
    key = restore.add_mutually_exclusive_group()
    key.add_argument(
        "--identity", type=Path, metavar="FILE", help="the age private key that belongs to it"
    )
    _add_passphrase_file(key)
    restore.add_argument(
        "--replace",
        action="store_true",
        help="put it in the place of what is here; that is kept beside",
    )
    restore.add_argument(
        "--keep-settings",
        action="store_true",
        help="leave the settings file as it is here, and go by its directories",
    )
    restore.add_argument("--pubkey", help="the log's first public key, or a file that holds it")
    restore.add_argument(
        "--anchor",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a text with checkpoints of the log, such as a message that was kept",
    )
    restore.add_argument(
        "--accept-loss",
        action="store_true",
        help="restore although the log in it cannot be proved: yes, what cannot is lost",
    )
    restore.add_argument(
        "--finish", action="store_true", help="finish a restore that was interrupted"
    )
    add_config(restore)


def _add_passphrase_file(group: argparse._MutuallyExclusiveGroup) -> None:
    group.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="read the passphrase from a file that only you can read",
    )


def run_backup(arguments: argparse.Namespace) -> int:
    from appliance.app.backup_commands.backup import run

    return run(arguments)


def run_restore(arguments: argparse.Namespace) -> int:
    from appliance.app.backup_commands.restore import run

    return run(arguments)
