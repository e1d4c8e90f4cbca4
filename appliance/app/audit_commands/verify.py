"""`dispatchctl audit verify`: is the log what was signed, and what does that rest on?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.pins import add_pins, pins_of
from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    local,
    printable,
)

if TYPE_CHECKING:
    from appliance.audit.verify import Verification

STATUSES = {"intact": 0, "tampered": 1, "incomplete": 2}


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    verify = actions.add_parser("verify", help="is it what was signed?")
    verify.set_defaults(run=run_verify)
    add_database(verify)
    add_pins(verify)
    depth = verify.add_mutually_exclusive_group()
    depth.add_argument(
        "--quick",
        dest="depth",
        action="store_const",
        const="quick",
        help="hashes, tree, keys and checkpoints, without a look into the records",
    )
    depth.add_argument(
        "--full",
        dest="depth",
        action="store_const",
        const="full",
        help="every signature as well, though each one vouches for all records before it",
    )
    verify.set_defaults(depth="usual")
    verify.add_argument("--json", action="store_true", help="answer as JSON")


def run_verify(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the verdict; status 0 intact, 1 tampered, 2 incomplete."""
    from appliance.audit.verify import Depth, verify
    from appliance.host.clock import SystemClock

    out = out or sys.stdout
    public_key, anchors = pins_of(arguments)
    with progress("verifying", SystemClock().monotonic) as report:
        found = verify(
            database_of(arguments),
            public_key=public_key,
            anchors=anchors,
            depth=Depth(arguments.depth),
            report=report,
        )
    lines = [_as_json(found)] if arguments.json else _sentences(found)
    out.write("\n".join(lines) + "\n")
    return STATUSES[found.verdict]


def _sentences(found: Verification) -> Sequence[str]:
    return [_verdict(found), *_rests_on(found), *(f"note: {printable(r)}" for r in found.remarks)]


def _verdict(found: Verification) -> str:
    if found.verdict == "intact":
        what = "hashes of all" if found.depth == "quick" else "all"
        return f"intact: {what} {found.size} records are what was signed, in {found.epochs} epochs"
    where = f" at record {found.seq}" if found.seq else ""
    return f"{found.verdict}{where}: {printable(found.reason)}"


def _rests_on(found: Verification) -> Iterator[str]:
    """What the verdict rests on, and what it cannot know."""
    if found.verdict != "intact":
        if 0 < found.size < found.seq:
            yield f"the first {found.size} records are what was signed"
        return
    yield f"head: {found.size} {found.root.hex()}"
    yield f"public key: {found.public_key}" + (" (as given)" if found.pinned else "")
    if not found.pinned:
        yield "compare that key with one kept elsewhere (--pubkey): another log has another key"
    yield from _checked(found)
    yield from _protection(found)


def _checked(found: Verification) -> Iterator[str]:
    if found.checked < found.signatures:
        yield (
            f"signatures: {found.checked} of {found.signatures} verified, each for all records "
            f"before it; --full verifies all"
        )
    if found.depth == "quick":
        yield "the records were not read: leave out --quick to know that they make sense"
    if found.pruned:
        yield f"pruned: of {found.pruned} records only the hashes are left"
    if found.redacted:
        yield f"redacted: {found.redacted} private values were destroyed, as records say"


def _protection(found: Verification) -> Iterator[str]:
    """What could have been done unseen, by whom: who has the file, who has today's key as well."""
    if found.anchored:
        at = f" at {local(found.anchored_at, '%Y-%m-%d %H:%M:%S %z')}" if found.anchored_at else ""
        yield f"anchored to record {found.anchored}{at}"
    unanchored = found.size - found.anchored
    if not unanchored:
        return
    yield f"the last {unanchored} records are protected by the signing keys only:"
    yield f"  whoever can write the file could have cut off what followed record {found.size}"
    first = max(found.epoch_began, found.anchored + 1)
    if first <= found.size:
        yield f"  whoever holds today's key could have written records {first} to {found.size}"
    else:
        yield "  today's key has signed none of them: whoever holds it can only add to them"


def _as_json(found: Verification) -> str:
    return json.dumps({"format": JSON_FORMAT, **asdict(found), "root": found.root.hex()})
