"""`dispatch-audit`: the only writer of the audit log, as a user of its own.

    dispatch-audit --directory /var/lib/dispatch-audit --socket /run/dispatch-audit/socket \\
        --writer dispatch

It has the keys and no network; dispatchd has the network and can only add to the log. Runs in
the foreground until SIGTERM or SIGINT, which ends the epoch. When a commit has failed it says so
to all who ask, and ends once the disk has room again: a new process checks the log and goes on.

Small on purpose: one loop over sockets that never waits for one of them, without asyncio.
"""

from __future__ import annotations

import sys

# cryptography has an OpenSSL of its own; a second one, for SHA-256 alone, would be 4 MB of 33
sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]

import argparse
import logging
import os
import select
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance import __version__
from appliance.app.cli import run_program
from appliance.app.journal import start_logging
from appliance.app.listening import listening
from appliance.app.room import shortfall
from appliance.audit.checkpoint import Note
from appliance.audit.rights import ROOT, Rights
from appliance.audit.server import AuditServer
from appliance.audit.writer import Writer
from appliance.errors import AuditUnavailable, ConfigError
from appliance.host.clock import SystemClock
from appliance.host.machine import boot_id
from appliance.host.service_manager import ServiceManager
from appliance.local_sockets import user_id
from appliance.ports import Clock

LOOK_EVERY_SECONDS = 1.0
RESTART = "start dispatch-audit again: the log is checked and goes on"

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Console entry; returns the exit status."""
    return run_program("dispatch-audit", lambda: serve(build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dispatch-audit", description="The writer of dispatch-appliance's audit log."
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("/var/lib/dispatch-audit"),
        metavar="DIR",
        help="the log and its keys (default: %(default)s)",
    )
    parser.add_argument(
        "--socket",
        type=Path,
        default=Path("/run/dispatch-audit/socket"),
        metavar="PATH",
        help="where to listen, unless systemd does it for us (default: %(default)s)",
    )
    parser.add_argument(
        "--writer",
        required=True,
        metavar="USER",
        help="who may add records: the user of dispatchd, by name or number",
    )
    parser.add_argument(
        "--admin",
        action="append",
        default=[],
        metavar="USER",
        help="who may redact, prune, rotate and copy besides root and our own user; repeatable",
    )
    parser.add_argument(
        "--anchors",
        type=Path,
        metavar="FILE",
        help="checkpoints kept elsewhere (audit.anchor_file): a log that has less is not continued",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def serve(arguments: argparse.Namespace) -> int:
    """Keep the log until a signal. Raises ApplianceError."""
    start_logging("dispatch-audit")
    os.umask(0o077)
    rights = Rights(
        writers=frozenset((user_id(arguments.writer),)),
        administrators=frozenset((ROOT, os.geteuid(), *map(user_id, arguments.admin))),
    )
    clock = SystemClock()
    with (
        closing(ServiceManager()) as manager,
        _bell() as bell,
        _writer(arguments.directory, arguments.anchors, clock) as writer,
        listening(manager, arguments.socket) as listener,
        closing(AuditServer(writer, listener, rights, clock)) as server,
    ):
        manager.ready()
        log.info("ready")
        Keeper(arguments.directory, writer, server, manager, clock).run(bell)
        manager.stopping()
        log.info("stopping")
    return 0


class HasFileno(Protocol):
    """What can be selected on."""

    def fileno(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Keeper:
    """The program while it runs."""

    directory: Path
    writer: Writer
    server: AuditServer
    manager: ServiceManager
    clock: Clock

    def run(self, bell: socket.socket) -> None:
        """Until the bell rings. Raises AuditUnavailable when a new process would do better."""
        watched: list[HasFileno] = [self.server, bell]
        looked_at = self.clock.monotonic()
        while bell not in select.select(watched, (), (), LOOK_EVERY_SECONDS)[0]:
            self.server.turn()
            if self.clock.monotonic() - looked_at >= LOOK_EVERY_SECONDS:
                looked_at = self.clock.monotonic()
                self._look_after_the_log()
                self.manager.alive()

    def _look_after_the_log(self) -> None:
        with suppress(AuditUnavailable):  # the writer says so in its refusal, and in the journal
            self.writer.tick_when_due()
        # it stays as long as there is no room, to say so to all who ask
        if self.writer.refusal and not shortfall(self.directory):
            raise AuditUnavailable(self.writer.refusal, hint=RESTART)


@contextmanager
def _writer(directory: Path, anchor_file: Path | None, clock: Clock) -> Iterator[Writer]:
    """The log, whose epoch ends with us."""
    if directory.exists():
        _check_ours(directory)
    writer = Writer(directory, clock, boot_id(), anchors=_anchors(anchor_file))
    try:
        yield writer
    finally:
        try:
            writer.close()
        except AuditUnavailable as error:
            log.error("the last epoch was not ended: %s", error.message)


def _anchors(file: Path | None) -> Sequence[Note]:
    if file is None:
        return ()
    from appliance.audit.known import anchors_in  # knows how to verify, and needs room for that

    return anchors_in(file)


def _check_ours(directory: Path) -> None:
    found = directory.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigError(
            f"others than user id {os.geteuid()} could change the log in {directory}",
            hint=f"make it ours with: chown {os.geteuid()} {directory}; chmod 700 {directory}",
        )


@contextmanager
def _bell() -> Iterator[socket.socket]:
    """Something to select on that becomes readable with SIGTERM or SIGINT."""
    rung, clapper = socket.socketpair()
    with rung, clapper:
        clapper.setblocking(False)
        signal.set_wakeup_fd(clapper.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            yield rung
        finally:
            signal.set_wakeup_fd(-1)


if __name__ == "__main__":
    sys.exit(main())
