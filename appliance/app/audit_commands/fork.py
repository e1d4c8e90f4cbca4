"""`dispatchctl audit fork`: begin another log in place of one that cannot go on."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, TextIO

from appliance.app.audit_commands.pins import add_anchors, anchors_of
from appliance.app.audit_commands.shared import JSON_FORMAT, printable, read_text
from appliance.app.control_commands import add_config


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    fork = actions.add_parser(
        "fork",
        help="begin another log in place of one that cannot go on",
        description="Begin another log in place of one that lost records or was changed. The old "
        "one is kept as it is, as evidence, and the first record of the new one tells of it. Stop "
        "the program that writes the log first.",
    )
    fork.set_defaults(run=run_fork)
    fork.add_argument(
        "--accept-loss",
        action="store_true",
        required=True,
        help="yes, what cannot be proved of the old log is lost",
    )
    fork.add_argument("--reason", required=True, help="is recorded, with who did it")
    add_anchors(fork, "a file with checkpoints of the old log: what it lost is recorded as well")
    fork.add_argument("--json", action="store_true", help="answer as JSON")
    add_config(fork)


def run_fork(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises AuditUnavailable when the log is in use, or there is none."""
    from appliance.audit.admin import require_owner
    from appliance.audit.database import PUBLIC_KEY
    from appliance.audit.fork import fork
    from appliance.audit.rights import administrator
    from appliance.config import load
    from appliance.host.clock import SystemClock
    from appliance.host.machine import boot_id

    directory = load(arguments.config).audit_directory
    require_owner(directory)
    old = fork(
        directory,
        SystemClock(),
        boot_id(),
        reason=arguments.reason,
        who=administrator(os.getuid()),
        anchors=anchors_of(arguments),
    )
    public_key = read_text(directory / PUBLIC_KEY).strip()
    done = {"format": JSON_FORMAT, "kept": str(old), "public_key": public_key}
    sentences = (
        f"the old log is kept in {printable(str(old))}; a new one has begun\n"
        f"keep its public key elsewhere, in place of the old one: {public_key}"
    )
    (out or sys.stdout).write((json.dumps(done) if arguments.json else sentences) + "\n")
    return 0
