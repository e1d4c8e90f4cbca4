"""What is in a bug report: one function for each section, which may say that it cannot know."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from appliance import __version__
from appliance.app.bugreport.discretion import Discretion, discretion, without_ids
from appliance.app.config_commands import as_toml
from appliance.app.doctor import examine
from appliance.app.doctor.check import answer
from appliance.app.programs import claude_path, host_wall
from appliance.audit.database import DATABASE
from appliance.audit.verify import Depth, verify
from appliance.config import Settings, load
from appliance.errors import ApplianceError
from appliance.host.machine import runs_systemd
from appliance.storage.copies import NAME
from appliance.storage.counts import SQLITE_VERSION, counts

UNITS = (
    "dispatchd.service",
    "dispatch-audit.service",
    "dispatch-audit.socket",
    "dispatch-egress.service",
    "dispatch-task.socket",
    "dispatch.target",
)
LOG_LINES = 200

_IDENTIFYING = re.compile(r"^(telegram|unix|mac|broadcast) = .*$")
_PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus"

Section = Callable[[Settings], Iterable[str]]


def report(file: Path) -> str:
    """All sections as one text, nothing of which is a secret or somebody's words."""
    settings, broken = _settings(file)
    discreet = discretion(settings)
    parts = [_part("versions", _versions(), discreet), _part("doctor", _doctor(file), discreet)]
    if settings is None:
        parts.append(_part("settings", broken, discreet))
    else:
        parts += [_part(name, _said(s, settings), discreet) for name, s in _SECTIONS.items()]
    return "\n".join(parts)


def _settings(file: Path) -> tuple[Settings | None, list[str]]:
    try:
        return load(file), []
    except ApplianceError as error:
        return None, error.message.splitlines()


def _part(name: str, lines: Iterable[str], discreet: Discretion) -> str:
    body = "".join(f"{without_ids(discreet.line(line))}\n" for line in lines)
    return f"## {name}\n\n{body}"


def _said(section: Section, settings: Settings) -> Iterator[str]:
    try:
        yield from section(settings)
    except (ApplianceError, OSError) as error:
        yield f"cannot be read: {error}"


# --- the sections


def _versions() -> Iterator[str]:
    yield f"dispatch-appliance {__version__}"
    yield f"Python {platform.python_version()}, SQLite {SQLITE_VERSION}"
    yield f"{platform.system()} {platform.release()} {platform.machine()}"
    yield _distribution()
    for command in (("systemctl", "--version"), ("bwrap", "--version")):
        yield (answer(command) or f"{command[0]}: not there").splitlines()[0]


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return sys.platform


def _doctor(file: Path) -> Iterator[str]:
    for check in examine(file):
        yield f"{check.outcome:<5} {check.name:<12} {check.found}"


def _in_force(settings: Settings) -> Iterator[str]:
    return (_IDENTIFYING.sub(r"\1 = [left out]", line) for line in as_toml(settings).splitlines())


def _wall(settings: Settings) -> Iterator[str]:
    wall = host_wall(settings)
    yield f"isolation {wall.isolation} {wall.shortfall}".rstrip()
    if settings.claude is not None:
        path = claude_path(settings.claude)
        yield f"claude {path}: {'there' if path.exists() else 'not there'}"


def _units(_: Settings) -> Iterator[str]:
    said = answer(("systemctl", "show", f"--property={_PROPERTIES}", *UNITS))
    if not runs_systemd() or said is None:
        yield "no systemd"
        return
    for unit in said.strip().split("\n\n"):
        yield " ".join(unit.splitlines())


def _log_lines(_: Settings) -> Iterator[str]:
    units = [word for unit in UNITS[:4] for word in ("-u", unit)]
    said = answer(("journalctl", "--no-pager", "-o", "short-iso", "-n", str(LOG_LINES), *units))
    yield from (said or "no journal").splitlines()


def _audit(settings: Settings) -> Iterator[str]:
    found = verify(settings.audit_directory / DATABASE, depth=Depth.QUICK)
    yield f"{found.verdict} {found.reason}".rstrip()
    yield f"head {found.size} {found.root.hex()}, epoch {found.epochs}"
    yield f"{len(found.remarks)} remarks: dispatchctl audit verify"


def _state(settings: Settings) -> Iterator[str]:
    found = counts(Path(settings.daemon.state) / NAME)
    yield f"schema {found.schema}"
    yield from (f"{table}: {number}" for table, number in found.rows.items())
    yield from (f"jobs {state}: {number}" for state, number in sorted(found.jobs.items()))


_SECTIONS: dict[str, Section] = {
    "settings": _in_force,
    "isolation": _wall,
    "units": _units,
    "log lines": _log_lines,
    "audit log": _audit,
    "state": _state,
}
