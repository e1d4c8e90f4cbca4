"""`dispatchctl audit redact`: destroy a private value of a record; the record still verifies."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, TextIO

from appliance.app.audit_commands.shared import JSON_FORMAT, printable
from appliance.app.control_commands import add_config


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    redact = actions.add_parser(
        "redact", help="destroy a private value of a record; the record still verifies"
    )
    redact.set_defaults(run=run_redact)
    redact.add_argument("seq", type=int, metavar="SEQ", help="number of the record")
    redact.add_argument("field", metavar="FIELD", help="the value, such as text, input or output")
    redact.add_argument("--reason", required=True, help="is recorded, with who did it")
    redact.add_argument("--json", action="store_true", help="answer as JSON")
    add_config(redact)


def run_redact(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises AuditUnavailable when it was not done."""
    from appliance.app.audit_access import administration
    from appliance.config import load

    with administration(load(arguments.config)) as log:
        log.redact(arguments.seq, arguments.field, arguments.reason)
    done = {"format": JSON_FORMAT, "redacted": {"seq": arguments.seq, "field": arguments.field}}
    sentence = f"{printable(arguments.field)} of record {arguments.seq} is destroyed, and recorded"
    (out or sys.stdout).write((json.dumps(done) if arguments.json else sentence) + "\n")
    return 0
