"""Which wall this host can build, and whether it is strong enough.

    unit        a systemd unit of the task's own (user, control group, network, mounts: see
                `systemd/dispatch-task@.service`), and inside it, to keep the projects apart,
                bubblewrap where the unit allows it, else Landlock
    bubblewrap  namespaces, see `bubblewrap.py`
    landlock    rules about files and ports, see `landlock.py`
    seatbelt    rules about files and ports on macOS, see `seatbelt.py`
    none        nothing but the kernel's limits for a process

From landlock upwards a task has no capabilities, gets no new privileges, and cannot make the
system calls that `seccomp.py` names. There is never a wall weaker than was asked for.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace

from appliance.core.model import ISOLATION_ORDER, Isolation
from appliance.errors import SandboxRefused
from appliance.task import bubblewrap, landlock, seatbelt, seccomp, unit
from appliance.task.projects import DEFAULT_PATH, Projects


@dataclass(frozen=True, slots=True)
class Wall:
    """The strongest wall this host can build; `shortfall` says why it is not a stronger one.

    `inside`: with what, in a unit, one project is kept apart from the others.
    """

    isolation: Isolation
    shortfall: str = ""
    inside: Isolation | None = None

    @property
    def builder(self) -> Isolation:
        """What we have to do for it."""
        return self.inside or self.isolation


def probe(path: str = DEFAULT_PATH, *, claims_unit: bool = False) -> Wall:
    """Try out what can be built here. `claims_unit`: we are told to be in a unit of our own."""
    if sys.platform == "darwin":
        return Wall(Isolation.SEATBELT) if seatbelt.is_here() else _none("there is no sandbox-exec")
    machine = os.uname().machine
    if machine not in seccomp.MACHINES:
        return _none(f"the system calls of {machine} are not known to us")
    if not claims_unit:
        return _of_host(path)
    if lacking := unit.shortfall():
        found = _of_host(path)
        return replace(found, shortfall=f"{lacking}; {found.shortfall}")
    return _of_unit(path)


def chosen(wall: Wall, minimum: Isolation, projects: Projects) -> Wall:
    """The wall a task gets. Raises SandboxRefused when it would be weaker than `minimum`."""
    if projects.unsafe_no_sandbox:
        wall = _none("the list of projects says unsafe_no_sandbox")
    if ISOLATION_ORDER.index(wall.isolation) < ISOLATION_ORDER.index(minimum):
        raise SandboxRefused(
            f"the task needs isolation {minimum} and this host has {wall.isolation}: "
            f"{wall.shortfall}"
        )
    return wall


def _of_host(path: str) -> Wall:
    lacking = bubblewrap.shortfall(path, own_network=True)
    if not lacking:
        return Wall(Isolation.BUBBLEWRAP)
    abi = landlock.abi()
    if abi >= landlock.MINIMUM_ABI:
        return Wall(Isolation.LANDLOCK, f"{lacking}; {landlock.SHORTFALL}")
    return _none(f"{lacking}, and Landlock is of version {abi} (needed: {landlock.MINIMUM_ABI})")


def _of_unit(path: str) -> Wall:
    """Its network is a private one already; what Landlock of any version does is enough inside."""
    lacking = bubblewrap.shortfall(path, own_network=False)
    if not lacking:
        return Wall(Isolation.UNIT, inside=Isolation.BUBBLEWRAP)
    if landlock.abi():
        return Wall(Isolation.UNIT, inside=Isolation.LANDLOCK)
    return _none(f"{lacking}, and the kernel has no Landlock: nothing keeps the projects apart")


def _none(why: str) -> Wall:
    return Wall(Isolation.NONE, why)
