"""This machine and others: awake, asleep, on battery."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import shown
from appliance.core.keep_awake import LONGEST_SESSION_HOURS, named, time_of_day
from appliance.core.model import (
    JobId,
    Millis,
    Reply,
)
from appliance.core.wake_on_lan import HostName
from appliance.core.words import Words, duration, say


def awake(line: str, trouble: str) -> Reply:
    """How it is: /awake without anything."""
    words = Words().bold("Awake: ").plain(line)
    if trouble:
        words.plain(f"\n⚠ {trouble}")
    return words.plain("\n/awake 8h, /awake until 18:00, /awake off").reply()


def awake_until(until: Millis, now: Millis, trouble: str) -> Reply:
    words = Words().plain(f"Awake until {time_of_day(until)}, for {duration(until - now)}.")
    if trouble:
        words.plain(f"\n⚠ This machine has trouble with that: {trouble}")
    return words.reply()


def awake_ended(jobs: Sequence[JobId]) -> Reply:
    if jobs:
        return say(f"Ended. The machine stays awake for {named(jobs)}.")
    return say("Ended. The machine may sleep.")


def awake_too_long(until: Millis, now: Millis) -> Reply:
    return say(
        f"That is {duration(until - now)}; at most {LONGEST_SESSION_HOURS} hours at a time can be "
        f"asked for. Write: /awake {LONGEST_SESSION_HOURS}h"
    )


def awake_is_off() -> Reply:
    return say("This machine is not kept awake by us: [awake] enabled is false in dispatch.toml.")


def battery_low(percent: int, jobs: Sequence[JobId]) -> Reply:
    words = Words().bold(f"Battery at {percent} %").plain(": the machine may fall asleep now")
    words.plain(f", with {named(jobs)} unfinished" if jobs else "")
    return words.plain(". Plug it in, and it is kept awake again.").reply()


def woken(host: HostName) -> Reply:
    return say(f"Told {host} to wake up. It does not answer that; give it a minute.")


def not_woken(host: HostName, problem: str) -> Reply:
    return say(f"{host} was not told to wake up: {problem}.")


def no_such_host(name: str, known: Sequence[HostName]) -> Reply:
    if not known:
        return say("There is no host to wake: none is in dispatch.toml ([hosts.NAME]).")
    return say(f"There is no host called “{shown(name)}”. There is: {', '.join(known)}.")
