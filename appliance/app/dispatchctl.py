"""`dispatchctl`: the one command people type.

It starts in a few hundredths of a second because each command imports what it needs only when
it runs; nothing of the chat platforms is ever imported here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from appliance import __version__
from appliance.app import (
    audit_commands,
    config_commands,
    control_commands,
    doctor,
    policy_commands,
)
from appliance.app.cli import run_program


def main(arguments: Sequence[str] | None = None) -> int:
    """Console entry; returns the exit status."""
    return run_program("dispatchctl", lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parsed = build_parser().parse_args(arguments)
    status = parsed.run(parsed)
    assert isinstance(status, int)
    return status


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dispatchctl",
        description="Look after dispatchd: what runs, who may do what, and who did what.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (control_commands, doctor, config_commands, policy_commands, audit_commands):
        group.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
