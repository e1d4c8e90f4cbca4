"""Whether this launcher really is in a unit of its own: looked at, not believed.

`--unit` stands in a unit file; somebody may have changed the rest of it.
"""

from __future__ import annotations

from pathlib import Path

_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def shortfall(proc: Path = Path("/proc/self")) -> str:
    """Why a task of ours would not have the unit's wall, "" when it would."""
    try:
        status = dict(
            line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line
        )
        devices = (proc / "net/dev").read_text().splitlines()[2:]
    except (OSError, ValueError) as error:
        return f"the unit cannot be looked at: {error}"
    interfaces = {line.partition(":")[0].strip() for line in devices}
    if status.get("NoNewPrivs", "").strip() != "1":
        return "the unit lacks NoNewPrivileges=yes"
    if any(int(status.get(name, "1"), 16) for name in _CAPABILITY_SETS):
        return "the unit leaves capabilities to its processes"
    if interfaces != {"lo"}:
        return "the unit lacks PrivateNetwork=yes"
    return ""


def control_group(cgroup: Path = Path("/proc/self/cgroup")) -> Path | None:
    """The directory of our control group, None where there is none that counts memory."""
    try:
        lines = cgroup.read_text().splitlines()
    except OSError:
        return None
    found = [line[3:] for line in lines if line.startswith("0::/")]
    directories = [Path("/sys/fs/cgroup", name.lstrip("/")) for name in found]
    return next((path for path in directories if (path / "memory.stat").exists()), None)
