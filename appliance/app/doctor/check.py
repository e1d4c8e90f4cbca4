"""One line of the report, and asking a program of the machine without waiting for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.errors import ApplianceError

ASK_SECONDS = 2.0


class Outcome(StrEnum):
    """`FAIL` makes the exit status 1."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """`fix` says what to do, "" when there is nothing to do."""

    name: str
    outcome: Outcome
    found: str
    fix: str = ""


def passed(name: str, found: str) -> Check:
    return Check(name, Outcome.PASS, found)


def warned(name: str, found: str, fix: str) -> Check:
    return Check(name, Outcome.WARN, found, fix)


def failed(name: str, found: str, fix: str) -> Check:
    return Check(name, Outcome.FAIL, found, fix)


def of_error(name: str, error: ApplianceError) -> Check:
    return Check(name, Outcome.FAIL, error.message, error.hint or "")


def answer(command: Sequence[str]) -> str | None:
    """What a program printed; None when it is not there, fails, or does not answer."""
    import subprocess  # dispatchctl starts without it

    try:
        done = subprocess.run(  # noqa: S603 - words of ours
            command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
