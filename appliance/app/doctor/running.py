"""What the running daemon says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.app.control_commands import connect
from appliance.app.doctor.check import Check, Outcome
from appliance.config import Settings
from appliance.errors import ApplianceError


def checks(settings: Settings) -> Iterator[Check]:
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
