"""`dispatchctl lockdown`: stop and refuse everything, or let it go on."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.app.control_commands import add_config, connect


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    lockdown = commands.add_parser(
        "lockdown",
        help="stop and refuse everything, until it is lifted",
        description="Interrupt every job and refuse every command and tool call, also after a "
        "restart. A phone can begin it (/lockdown); only here it is lifted.",
        epilog="Exit status: 0 done, 1 you may not, or there was nothing to lift, 69 dispatchd "
        "cannot be asked.",
    )
    lockdown.set_defaults(run=run_lockdown)
    lockdown.add_argument("why", nargs="*", metavar="WHY", help="for the owners; lift: to end it")
    add_config(lockdown)


def run_lockdown(arguments: argparse.Namespace) -> int:
    if arguments.why == ["lift"]:
        return _lift(arguments)
    with connect(arguments.config) as client:
        answer = client.ask("lockdown", why=" ".join(arguments.why)[:200])
    print(answer["said"])
    print("It is lifted by: dispatchctl lockdown lift")
    return 0


def _lift(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        was_held = client.ask("lift")["was_held"]
    print("Lifted: what waited goes on." if was_held else "There is no lockdown.")
    return 0 if was_held else 1
