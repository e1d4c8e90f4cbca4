"""`dispatchctl doctor`: is this installation fit for use, and what to do where it is not.

Every check is one line: pass, warn or fail, what was found, and for the last two what to do.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app import room
from appliance.app.control_commands import add_config
from appliance.errors import ApplianceError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings


class Outcome(StrEnum):
    """`FAIL` makes the exit status 1."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; `fix` says what to do, "" when there is nothing to do."""

    name: str
    outcome: Outcome
    found: str
    fix: str = ""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `doctor` into dispatchctl."""
    doctor = commands.add_parser("doctor", help="is everything as it should be, and what to do")
    doctor.add_argument("--json", action="store_true", help="answer as JSON")
    add_config(doctor)
    doctor.set_defaults(run=run_doctor)


def run_doctor(arguments: argparse.Namespace) -> int:
    checks = list(examine(arguments.config))
    if arguments.json:
        print(json.dumps({"v": 1, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            print(f"{check.outcome:<5} {check.name:<12} {check.found}")
            if check.fix:
                print(f"      {'':<12} → {check.fix}")
    return int(any(check.outcome is Outcome.FAIL for check in checks))


def examine(config: Path) -> Iterator[Check]:
    """All checks; those that need the settings only when these can be read."""
    from appliance.config import load

    try:
        settings = load(config)
    except ApplianceError as error:
        yield _failed("settings", error)
        return
    yield Check("settings", Outcome.PASS, str(config))
    yield _policy(settings)
    yield from _credentials(settings)
    yield _isolation(settings)
    yield _claude(settings)
    yield _room(settings)
    yield from _daemon(settings)
    yield _anchors(settings)
    if settings.audit.socket:
        yield _audit_writer(settings)
    yield _audit(settings)


def _failed(name: str, error: ApplianceError) -> Check:
    return Check(name, Outcome.FAIL, error.message, error.hint or "")


def _policy(settings: Settings) -> Check:
    from appliance.app.policy_files import PolicyDirectory

    try:
        policy = PolicyDirectory(settings).load()
    except ApplianceError as error:
        return _failed("policy", error)
    return Check("policy", Outcome.PASS, f"{policy.rules} rules in {settings.daemon.policies}")


def _credentials(settings: Settings) -> Iterator[Check]:
    names = [settings.telegram.token] if settings.telegram else []
    names += [settings.claude.login] if settings.claude and settings.claude.login else []
    for name in names:
        try:
            yield Check("credential", Outcome.PASS, _credential(settings, name))
        except ApplianceError as error:
            yield _failed("credential", error)


def _credential(settings: Settings, name: str) -> str:
    """The name, and how it is kept; an encrypted one is opened for dispatchd alone."""
    from appliance.app.credential_files import kept_credentials
    from appliance.config import read_credential

    directory = Path(settings.daemon.credentials)
    if kept_credentials(directory).get(name) == "encrypted":
        return f"{name}, encrypted"
    read_credential(name, [directory])
    return name


def _isolation(settings: Settings) -> Check:
    from appliance.app.programs import host_wall
    from appliance.core.model import ISOLATION_ORDER, Isolation

    wall = host_wall(settings)
    wanted = settings.daemon.minimum_isolation
    if ISOLATION_ORDER.index(wall.isolation) < ISOLATION_ORDER.index(wanted):
        return Check(
            "isolation",
            Outcome.FAIL,
            f"{wanted} is demanded, but {wall.shortfall}; no task will run",
            "install bubblewrap (Debian: apt install bubblewrap)",
        )
    if wall.isolation is Isolation.NONE:
        return Check(
            "isolation",
            Outcome.WARN,
            f"the agent runs unprotected, as the daemon's user: {wall.shortfall}",
            "install bubblewrap, then set minimum_isolation to it",
        )
    return Check("isolation", Outcome.PASS, wall.isolation)


def _claude(settings: Settings) -> Check:
    if settings.claude is None:
        return Check("claude", Outcome.WARN, "not set up, only recipes work", "add [claude]")
    from appliance.app.agent_commands import examined

    try:
        state = examined(settings.claude)
    except ApplianceError as error:
        return _failed("claude", error)
    if state.problem:
        found, _, fix = state.problem.partition("; ")
        return Check("claude", Outcome.FAIL, found, fix)
    return Check("claude", Outcome.PASS, f"version {state.version}, logged in")


def _room(settings: Settings) -> Check:
    directory = Path(settings.daemon.state)
    free = room.free_bytes(directory)
    found = room.in_words(free, directory)
    if free < room.NEEDED_BYTES:
        return Check("disk", Outcome.FAIL, found, room.FIX)
    return Check("disk", Outcome.WARN if free < room.WARNED_BYTES else Outcome.PASS, found)


def _daemon(settings: Settings) -> Iterator[Check]:
    from appliance.app.control_commands import connect

    try:
        with connect(Path(settings.file)) as client:
            report = client.ask("status")
    except ApplianceError as error:
        yield Check("daemon", Outcome.WARN, error.message, error.hint or "")
        return
    if why := report["parts"]["audit"]:
        yield Check(
            "daemon",
            Outcome.FAIL,
            f"does nothing any more: {why}",
            "see why: journalctl -u dispatch-audit"
            if settings.audit.socket
            else "make room or repair the disk, then restart dispatchd",
        )
    else:
        yield Check("daemon", Outcome.PASS, f"up {report['up']}, version {report['version']}")
    if trouble := report["parts"]["policy trouble"]:
        fix = "mend it: dispatchctl policy check; until then the rules before it hold"
        yield Check("live policy", Outcome.WARN, f"an edit is rejected: {trouble}", fix)
    else:
        yield Check("live policy", Outcome.PASS, report["parts"]["policy"])
    if trouble := report["parts"]["anchor trouble"]:
        fix = "once that is put right: dispatchctl audit anchor post"
        yield Check("checkpoints", Outcome.WARN, trouble, fix)
    else:
        yield Check("checkpoints", Outcome.PASS, report["parts"]["anchors"])
    if trouble := report["parts"]["awake trouble"]:
        fix = "see KEEPING AWAKE in dispatchd(8), or set enabled = false in [awake]"
        yield Check("keep awake", Outcome.WARN, trouble, fix)
    else:
        yield Check("keep awake", Outcome.PASS, report["parts"]["awake"])


def _anchors(settings: Settings) -> Check:
    from appliance.audit.sinks.file import FileSink
    from appliance.audit.sinks.journal import journal_sink

    audit = settings.audit
    if audit.anchor_file and (remark := FileSink(Path(audit.anchor_file)).remark()):
        weakness, _, fix = remark.partition("; ")
        return Check("anchors", Outcome.WARN, weakness, fix)
    named = [f"the chat of {user}" for user in (settings.anchor_user,) if user]
    named += [audit.anchor_file] if audit.anchor_file else []
    named += ["journald"] if audit.anchor_journal and journal_sink() else []
    named += [witness.partition(" ")[0] for witness in audit.witnesses]
    if not named:
        return Check(
            "anchors",
            Outcome.WARN,
            "nobody else keeps checkpoints of the audit log: its end could be cut off unseen",
            "set anchor_user, anchor_file or witnesses in [audit]",
        )
    return Check("anchors", Outcome.PASS, ", ".join(named))


def _audit_writer(settings: Settings) -> Check:
    from appliance.app.audit_access import audit_socket, audit_users
    from appliance.audit.admin import served

    path = audit_socket(settings)
    if path.exists() and not os.access(path, os.W_OK):
        return Check("audit writer", Outcome.WARN, f"{path} is not for you", "run doctor as root")
    try:
        with served(path, audit_users(settings)) as log:
            refusal = log.refusal()
    except ApplianceError as error:
        return _failed("audit writer", error)
    if refusal:
        fix = "make room or repair the disk; it then starts again by itself"
        return Check("audit writer", Outcome.FAIL, refusal, fix)
    return Check("audit writer", Outcome.PASS, f"keeps the log, asked on {path}")


def _audit(settings: Settings) -> Check:
    from appliance.audit.database import DATABASE
    from appliance.audit.verify import Depth, Verdict, verify

    database = settings.audit_directory / DATABASE
    if not os.access(database, os.R_OK):
        return Check(
            "audit log", Outcome.WARN, f"{database} cannot be read by you", "run doctor as its user"
        )
    found = verify(database, depth=Depth.QUICK)  # somebody waits; `audit verify` looks deeper
    if found.verdict is Verdict.INTACT:
        return Check("audit log", Outcome.PASS, f"{found.size} records, intact")
    fix = "keep the machine as it is and find out why: dispatchctl audit verify"
    return Check("audit log", Outcome.FAIL, found.reason, fix)
