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
    agent_commands,
    audit_commands,
    backup_commands,
    bugreport,
    config_commands,
    control_commands,
    credential_commands,
    doctor,
    lockdown_commands,
    pair_commands,
    policy_commands,
    project_commands,
    setup_commands,
)
from appliance.app.cli import describe_commands, run_program


def main(arguments: Sequence[str] | None = None) -> int:
    """Console entry; returns the exit status."""
    return run_program("dispatchctl", lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    parsed = build_parser(*words[:1]).parse_args(words)
    status = parsed.run(parsed)
    assert isinstance(status, int)
    return status


def build_parser(asked: str = "audit") -> argparse.ArgumentParser:
    """The parser, with the commands below `audit` only when that is the word asked for."""
    parser = argparse.ArgumentParser(
        prog="dispatchctl",
        description="Look after dispatchd: what runs, who may do what, and who did what.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in (
        setup_commands,
        pair_commands,
        control_commands,
        doctor,
        config_commands,
        project_commands,
        credential_commands,
        agent_commands,
        lockdown_commands,
        policy_commands,
        backup_commands,
        bugreport,
    ):
        group.add_parser(commands)
    audit_commands.add_parser(commands, is_asked=asked == "audit")
    describe_commands(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
