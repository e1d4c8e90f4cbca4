"""The wall around tasks, the units of the programs, and the socket by which tasks start."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from appliance.app.doctor.check import Check, answer, failed, passed, warned
from appliance.app.programs import host_wall
from appliance.config import Settings
from appliance.core.model import ISOLATION_ORDER, Isolation
from appliance.host.machine import runs_systemd

TARGET = "dispatch.target"
START = f"systemctl enable --now {TARGET}"
LABELS = ("dispatch-appliance.task", "dispatch-appliance.dispatchd")


def checks(settings: Settings) -> Iterator[Check]:
    yield _isolation(settings)
    if settings.daemon.task_socket:
        yield from _units(settings)
        yield _task_socket(settings)


def _isolation(settings: Settings) -> Check:
    wall = host_wall(settings)
    wanted = settings.daemon.minimum_isolation
    if ISOLATION_ORDER.index(wall.isolation) < ISOLATION_ORDER.index(wanted):
        found = f"{wanted} is demanded, but {wall.shortfall}; no task will run"
        return failed("isolation", found, _stronger())
    if wall.isolation is Isolation.NONE:
        found = f"the agent runs unprotected, as the daemon's user: {wall.shortfall}"
        return warned("isolation", found, f"{_stronger()}, then set minimum_isolation to it")
    if wall.shortfall:
        return warned("isolation", f"{wall.isolation}: {wall.shortfall}", _stronger())
    if wanted is not wall.isolation:
        found = f"{wall.isolation}, but tasks would run with no more than {wanted}, too"
        fix = f'set minimum_isolation = "{wall.isolation}" in [daemon]'
        return warned("isolation", found, fix)
    return passed("isolation", wall.isolation)


def _stronger(platform: str = sys.platform) -> str:
    if platform == "darwin":
        return "use the two accounts of packaging/launchd"
    return "install bubblewrap (Debian: apt install bubblewrap)"


# --- units


def _units(settings: Settings) -> Iterator[Check]:
    if sys.platform == "darwin":
        yield of_launchd()
    elif runs_systemd():
        yield of_systemd(settings)


def of_systemd(settings: Settings) -> Check:
    """Installed, running, and started again after a reboot."""
    wanted = ["dispatchd.service", "dispatch-task.socket"]
    wanted += ["dispatch-audit.socket"] if settings.audit.socket else []
    wanted += ["dispatch-egress.socket"] if settings.daemon.egress_socket else []
    properties = "--property=Id,LoadState,ActiveState,UnitFileState"
    said = answer(("systemctl", "show", properties, *wanted, TARGET))
    if said is None:
        return warned("units", "systemd does not answer", "look with: systemctl status")
    units = {unit.get("Id", ""): unit for unit in map(_properties, said.strip().split("\n\n"))}
    if missing := [u for u in (*wanted, TARGET) if _state(units, u, "LoadState") != "loaded"]:
        return failed("units", f"not installed: {', '.join(missing)}", "install the package anew")
    if idle := [unit for unit in wanted if _state(units, unit, "ActiveState") != "active"]:
        return failed("units", f"not running: {', '.join(idle)}", START)
    if _state(units, TARGET, "UnitFileState") != "enabled":
        return warned("units", f"{TARGET} is not started when the machine boots", START)
    return passed("units", f"{len(wanted)} run and start with the machine")


def _properties(block: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _state(units: Mapping[str, Mapping[str, str]], unit: str, name: str) -> str:
    return units.get(unit, {}).get(name, "")


def of_launchd() -> Check:
    for label in LABELS:
        if answer(("launchctl", "print", f"system/{label}")) is None:
            fix = f"sudo launchctl bootstrap system /Library/LaunchDaemons/{label}.plist"
            return failed("units", f"launchd does not know {label}", fix)
    return passed("units", f"launchd has {' and '.join(LABELS)}")


# --- the socket


def _task_socket(settings: Settings) -> Check:
    """Who connects there has passed no gate, so it has to be dispatchd's alone."""
    path, state = Path(settings.daemon.task_socket), Path(settings.daemon.state)
    look = "look with: systemctl status dispatch-task.socket"
    try:
        found = path.stat()
    except PermissionError:
        return warned("task socket", f"{path} is not for you to see", "run doctor as root")
    except OSError as error:
        return failed("task socket", f"{path}: {error.strerror}; no task will run", look)
    if not stat.S_ISSOCK(found.st_mode):
        return failed("task socket", f"{path} is no socket; no task will run", look)
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        fix = "set SocketMode=0600 in dispatch-task.socket"
        return failed("task socket", f"others can start tasks by {path} (mode {mode})", fix)
    if state.exists() and found.st_uid != state.stat().st_uid:
        said = f"{path} belongs to user {found.st_uid}, who is not dispatchd"
        return failed("task socket", said, "set SocketUser=dispatch in dispatch-task.socket")
    return passed("task socket", f"{path}, for dispatchd alone")
