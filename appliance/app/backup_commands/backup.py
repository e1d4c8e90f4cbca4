"""`dispatchctl backup FILE`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import print_lines
from appliance.app.backup_commands.gathering import Gathered, gather, workplace
from appliance.app.backup_commands.secrets import lock_of
from appliance.app.files import sync
from appliance.audit.verify import Verdict
from appliance.backup import archive
from appliance.backup import manifest as names
from appliance.backup.age import Lock, Passphrase, Sealing
from appliance.config import load
from appliance.errors import ConfigError
from appliance.host.clock import SystemClock


def run(arguments: argparse.Namespace) -> int:
    """Status 1: it was written, but the log in it is not what was signed. Raises ApplianceError."""
    settings, clock = load(arguments.config), SystemClock()
    file: Path = arguments.file
    if file.exists():
        raise ConfigError(f"{file} is there already", hint="name another file")
    lock = lock_of(arguments)
    with workplace() as work, ExitStack() as files:
        with progress("copying", clock.monotonic, "pages") as report:
            gathered = gather(
                settings,
                work,
                files,
                clock,
                report,
                with_credentials=arguments.with_credentials,
            )
        with progress("writing", clock.monotonic, "MiB") as report, _whole(file) as out:
            _write(out, lock, gathered, lambda done, total: report(done >> 20, total >> 20))
    print_lines(_summary(file, lock, gathered), None)
    if gathered.log.verdict is not Verdict.INTACT:
        print_lines(
            [f"warning: the log in it is {gathered.log.verdict}: {gathered.log.reason}"], sys.stderr
        )
        return 1
    return 0


def _write(out: BinaryIO, lock: Lock, gathered: Gathered, report: archive.Report) -> None:
    sealing = Sealing(out, lock)
    archive.write(sealing, gathered.manifest, gathered.sources, report)
    sealing.finish()


@contextmanager
def _whole(file: Path) -> Iterator[BinaryIO]:
    """A file with mode 0600 that is there once it is whole and on the disk. Raises ConfigError."""
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with open(unfinished, "xb", opener=_private) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(file)
        sync(file.absolute().parent)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _summary(file: Path, lock: Lock, gathered: Gathered) -> Iterator[str]:
    manifest = gathered.manifest
    policies = sum(entry.name.startswith(names.POLICIES) for entry in manifest.entries)
    to = "a passphrase" if isinstance(lock, Passphrase) else str(lock)
    yield f"{file}: {file.stat().st_size / 1e6:,.1f} MB, encrypted to {to}"
    yield (
        f"in it: the state, the settings, {policies} policy files, what was granted, and the "
        f"audit log of {manifest.log_size:,} records"
    )
    if manifest.has_credentials:
        yield "tokens and keys are in it: keep it as you would keep them"
    else:
        yield "not in it: tokens and keys; after a restore: dispatchctl credential set NAME"
    yield f"head of the log: {manifest.log_size} {manifest.log_root}"
