"""What the running daemon says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.app.control_commands import connect
from appliance.app.doctor.check import Check, failed, passed, warned
from appliance.config import Settings
from appliance.errors import ApplianceError


def checks(settings: Settings) -> Iterator[Check]:
    try:
        with connect(Path(settings.file)) as client:
            report = client.ask("status")
    except ApplianceError as error:
        yield warned("daemon", error.message, error.hint or "")
        return
    if why := report["ailment"]:
        yield failed(
            "daemon",
            f"does nothing any more: {why}",
            "see why: journalctl -u dispatch-audit"
            if settings.audit.socket and report["parts"]["audit"]
            else "make room or repair the disk, then restart dispatchd",
        )
    else:
        yield passed("daemon", f"up {report['up']}, version {report['version']}")
    if trouble := report["parts"]["policy trouble"]:
        fix = "mend it: dispatchctl policy check; until then the rules before it hold"
        yield warned("live policy", f"an edit is rejected: {trouble}", fix)
    else:
        yield passed("live policy", report["parts"]["policy"])
    if trouble := report["parts"]["anchor trouble"]:
        fix = "once that is put right: dispatchctl audit anchor post"
        yield warned("checkpoints", trouble, fix)
    else:
        yield passed("checkpoints", report["parts"]["anchors"])
    if trouble := report["parts"]["awake trouble"]:
        fix = "see KEEPING AWAKE in dispatchd(8), or set enabled = false in [awake]"
        yield warned("keep awake", trouble, fix)
    else:
        yield passed("keep awake", report["parts"]["awake"])
