"""The audit log, its writer, and who else keeps checkpoints of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from appliance.app.audit_access import audit_socket, audit_users
from appliance.app.doctor.check import Check, failed, of_error, passed, warned
from appliance.audit.admin import served
from appliance.audit.database import DATABASE
from appliance.audit.sinks.file import FileSink
from appliance.audit.sinks.journal import journal_sink
from appliance.audit.verify import Depth, Verdict, verify
from appliance.config import Settings
from appliance.errors import ApplianceError


def checks(settings: Settings) -> Iterator[Check]:
    yield _anchors(settings)
    if settings.audit.socket:
        yield _audit_writer(settings)
    yield _audit(settings)


def _anchors(settings: Settings) -> Check:
    audit = settings.audit
    if audit.anchor_file and (remark := FileSink(Path(audit.anchor_file)).remark()):
        weakness, _, fix = remark.partition("; ")
        return warned("anchors", weakness, fix)
    named = [f"the chat of {user}" for user in (settings.anchor_user,) if user]
    named += [audit.anchor_file] if audit.anchor_file else []
    named += ["journald"] if audit.anchor_journal and journal_sink() else []
    named += [witness.partition(" ")[0] for witness in audit.witnesses]
    if not named:
        return warned(
            "anchors",
            "nobody else keeps checkpoints of the audit log: its end could be cut off unseen",
            "set anchor_user, anchor_file or witnesses in [audit]",
        )
    return passed("anchors", ", ".join(named))


def _audit_writer(settings: Settings) -> Check:
    path = audit_socket(settings)
    if path.exists() and not os.access(path, os.W_OK):
        return warned("audit writer", f"{path} is not for you", "run doctor as root")
    try:
        with served(path, audit_users(settings)) as log:
            refusal = log.refusal()
    except ApplianceError as error:
        return of_error("audit writer", error)
    if refusal:
        fix = "make room or repair the disk; it then starts again by itself"
        return failed("audit writer", refusal, fix)
    return passed("audit writer", f"keeps the log, asked on {path}")


def _audit(settings: Settings) -> Check:
    database = settings.audit_directory / DATABASE
    if not os.access(database, os.R_OK):
        return warned("audit log", f"{database} cannot be read by you", "run doctor as its user")
    found = verify(database, depth=Depth.QUICK)  # somebody waits; `audit verify` looks deeper
    if found.verdict is Verdict.INTACT:
        return passed("audit log", f"{found.size} records, intact")
    fix = "keep the machine as it is and find out why: dispatchctl audit verify"
    return failed("audit log", found.reason, fix)
