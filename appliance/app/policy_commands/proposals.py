"""`dispatchctl policy proposals|accept|reject|grants`: what phones want changed, and did."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from appliance.app.control_commands import add_config, connect
from appliance.app.policy_commands.shared import print_json

DONE, NOT_DONE = 0, 1


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    proposals = actions.add_parser(
        "proposals",
        help="what people want changed from their phones",
        description="What waits for somebody to confirm it: the lines, and who may what then.",
    )
    proposals.set_defaults(run=run_proposals)
    accept = actions.add_parser(
        "accept",
        help="let a proposed change happen",
        epilog="Exit status: 0 it holds, 1 it does not, 69 dispatchd cannot be asked.",
    )
    accept.set_defaults(run=run_answer, kind="accept", reason=[])
    reject = actions.add_parser("reject", help="let a proposed change not happen")
    reject.set_defaults(run=run_answer, kind="reject")
    for parser in (accept, reject):
        parser.add_argument("id", metavar="ID", help="as `dispatchctl policy proposals` shows it")
    reject.add_argument("reason", nargs="*", metavar="WHY", help="for whoever proposed it")
    grants = actions.add_parser(
        "grants",
        help="what was granted from phones",
        description="The lines of the daemon's own file of grants, as they could be moved into "
        "the policy's files.",
    )
    grants.set_defaults(run=run_grants)
    grants.add_argument("--remove", type=int, metavar="N", help="take line N out again")
    for parser in (proposals, accept, reject, grants):
        add_config(parser)
    for parser in (proposals, grants):
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_proposals(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        answer = client.ask("proposals")
    if arguments.json:
        print_json(answer)
        return DONE
    for proposal in answer["proposals"]:
        print("\n".join(_proposal(proposal)), end="\n\n")
    if not answer["proposals"]:
        print("nothing waits for an answer")
    return DONE


def _proposal(proposal: dict[str, Any]) -> Iterator[str]:
    """All text in it is of the settings, the policy and its own words, which have no controls."""
    yield f"{proposal['id']}  {proposal['proposer']} ({proposal['via']}): {proposal['wish']}"
    yield from (f"  - {line}" for line in proposal["removed"])
    yield from (f"  + {line}" for line in proposal["added"])
    yield "  means:"
    yield from (f"    {line}" for line in proposal["meaning"])
    yield from (f"  warning: {line}" for line in proposal["warnings"])
    yield f"  digest {proposal['digest']}"


def run_answer(arguments: argparse.Namespace) -> int:
    """Status 1 when it is not as it was wanted."""
    with connect(arguments.config) as client:
        answer = client.ask(arguments.kind, id=arguments.id, reason=" ".join(arguments.reason))
    print(answer["said"])
    return DONE if answer["is_done"] else NOT_DONE


def run_grants(arguments: argparse.Namespace) -> int:
    """Status 1 when there is no such line to remove."""
    with connect(arguments.config) as client:
        lines = client.ask("grants")["lines"]
        if arguments.remove is not None:
            if not 1 <= arguments.remove <= len(lines):
                print(f"there is no line {arguments.remove}; there are {len(lines)}")
                return NOT_DONE
            lines = client.ask("ungrant", line=lines[arguments.remove - 1])["lines"]
    if arguments.json:
        print_json({"lines": lines})
        return DONE
    for number, line in enumerate(lines, 1):
        print(f"{number:>3}  {line}")
    if not lines:
        print("nothing is granted")
    return DONE
