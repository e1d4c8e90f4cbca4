"""`dispatchctl doctor`: is this installation fit for use, and what to do where it is not.

    check        one line: pass, warn or fail, what was found, and for the last two what to do
    examination  all areas at once, in a few seconds whatever hangs
    rules        the policy, and whether it lets the agent reach its model
    files        secrets, and what others could write
    walls        the wall around tasks, the units and the socket by which tasks start
    projects     the directories that the agent works in
    way_out      dispatch-egress
    agent        the agent's program and its login
    machine      room on the disk, and memory
    running      what the running daemon says of itself
    log          the audit log, its writer, and who else keeps checkpoints

Each check is one function that asks and never changes anything. What is claimed in settings and
units is believed here; `doctor --attack` (`appliance.app.attack`) is the proof.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from appliance.app.control_commands import add_config
from appliance.app.doctor.check import Check as Check
from appliance.app.doctor.check import Outcome
from appliance.app.doctor.examination import examine as examine


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `doctor` into dispatchctl."""
    doctor = commands.add_parser("doctor", help="is everything as it should be, and what to do")
    doctor.add_argument("--json", action="store_true", help="answer as JSON")
    doctor.add_argument(
        "--attack",
        action="store_true",
        help="try from inside a task what a hostile agent would, and see that each is refused",
    )
    doctor.add_argument(
        "--project", metavar="NAME", help="for --attack: where (default: the first project)"
    )
    add_config(doctor)
    doctor.set_defaults(run=run_doctor)


def run_doctor(arguments: argparse.Namespace) -> int:
    if arguments.attack:
        from appliance.app.attack.command import run_attack

        return run_attack(arguments)
    checks = list(examine(arguments.config))
    if arguments.json:
        print(json.dumps({"v": 1, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            print(f"{check.outcome:<5} {check.name:<12} {check.found}")
            if check.fix:
                print(f"      {'':<12} → {check.fix}")
    return int(any(check.outcome is Outcome.FAIL for check in checks))
