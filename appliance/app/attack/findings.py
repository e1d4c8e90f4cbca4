"""What an attempt came to, in words, and which of them no wall of a kind can refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.app.attack.bombs import BOMBS
from appliance.app.attack.intruder import (
    GROUPS,
    KERNEL,
    NETWORK,
    PROCESSES,
    PROXY,
    READING,
    SOCKETS,
    WRITING,
)
from appliance.core.model import Isolation

LIMITS = "taking more than it may"
GROUP_OF: Mapping[str, str] = {**GROUPS, **dict.fromkeys(BOMBS, LIMITS)}
"""Of every attempt, in the order in which they are told."""

BEYOND: Mapping[Isolation, frozenset[str]] = {
    Isolation.LANDLOCK: frozenset(
        {
            "change_the_agents_settings",
            "change_the_git_configuration",
            "open_a_file_outside_to_everybody",
            "plant_a_git_hook",
            "read_the_command_line_of_the_daemon",
            "swap_the_git_directory",
        }
    )
}
"""What a wall cannot refuse, as its description says (`landlock.SHORTFALL`)."""

BEYOND_ALL = frozenset({"make_many_files"})
"""How many files there are is the file system's to limit."""

_LOOK_AT_THE_UNIT = "see what changed it: systemctl cat dispatch-task@.service"
_ADVICE = {
    READING: "somebody has opened it to the agent's user: look at its mode, and at its directory's",
    WRITING: "write the drop-ins anew: dispatchctl project apply",
    NETWORK: _LOOK_AT_THE_UNIT,
    SOCKETS: f"look at the socket's owner and mode, and {_LOOK_AT_THE_UNIT}",
    PROXY: "look for a net rule that is too wide: dispatchctl policy show",
    PROCESSES: _LOOK_AT_THE_UNIT,
    KERNEL: _LOOK_AT_THE_UNIT,
    LIMITS: _LOOK_AT_THE_UNIT,
}
_WITHOUT_A_UNIT = "tell us, with your kernel and distribution: this wall should refuse it"
_NO_WALL = "there is no wall: install bubblewrap or use the units, and set minimum_isolation"


class Result(StrEnum):
    """`WORKED` makes the exit status 1. `BEYOND` worked as well, and was never to be refused."""

    REFUSED = "refused"
    WORKED = "worked"
    BEYOND = "beyond"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Attempt:
    """As it was seen: `refused` None when there was nothing that it could be tried on."""

    name: str
    refused: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `fix` says what to do, "" when there is nothing to do."""

    group: str
    name: str
    result: Result
    detail: str
    fix: str = ""


def findings(attempts: Sequence[Attempt], level: Isolation) -> list[Finding]:
    """All there are, in their order; what was never heard of was not tried."""
    seen = {attempt.name: attempt for attempt in attempts}
    silent = "the task ended before it"
    return [finding(seen.get(name, Attempt(name, None, silent)), level) for name in GROUP_OF]


def finding(attempt: Attempt, level: Isolation) -> Finding:
    result = _result(attempt, level)
    group = GROUP_OF[attempt.name]
    fix = _fix(group, level) if result is Result.WORKED else ""
    return Finding(group, attempt.name.replace("_", " "), result, attempt.detail, fix)


def _result(attempt: Attempt, level: Isolation) -> Result:
    if attempt.refused is None:
        return Result.NOT_TRIED
    if attempt.refused:
        return Result.REFUSED
    is_beyond = attempt.name in BEYOND.get(level, frozenset()) | BEYOND_ALL
    return Result.BEYOND if is_beyond else Result.WORKED


def _fix(group: str, level: Isolation) -> str:
    if level is Isolation.NONE and group is not PROXY:
        return _NO_WALL
    is_ours = level is Isolation.UNIT or group is PROXY
    return _ADVICE[group] if is_ours else _WITHOUT_A_UNIT
