"""This machine and others: awake, asleep, on battery."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.hidden import shown
from appliance.core.keep_awake import LONGEST_SESSION_HOURS, MAX_NAMED_JOBS
from appliance.core.model import JobId, Millis, Phrase, Reply, TimeOfDay
from appliance.core.wake_on_lan import HostName
from appliance.core.words import Words, duration, phrase, say


def awake(line: str | Phrase, trouble: str) -> Reply:
    """How it is: /awake without anything."""
    words = Words().bold("Awake: ")
    if isinstance(line, Phrase):
        words.plain(line)
    else:
        words.verbatim(line)
    if trouble:
        words.verbatim(f"\n⚠ {trouble}")
    return words.verbatim("\n/awake 8h, /awake until 18:00, /awake off").reply()


def awake_until(until: Millis, now: Millis, trouble: str) -> Reply:
    left = duration(until - now)
    words = Words().plain(
        "Awake until {time}, for {duration}.", time=TimeOfDay(until), duration=left
    )
    if trouble:
        words.line("⚠ This machine has trouble with that: {trouble}", trouble=trouble)
    return words.reply()


def awake_ended(jobs: Sequence[JobId]) -> Reply:
    if jobs:
        return say("Ended. The machine stays awake for {jobs}.", jobs=_named(jobs))
    return say("Ended. The machine may sleep.")


def awake_too_long(until: Millis, now: Millis) -> Reply:
    return say(
        "That is {duration}; at most {hours} hours at a time can be asked for. "
        "Write: /awake {hours}h",
        duration=duration(until - now),
        hours=LONGEST_SESSION_HOURS,
    )


def awake_is_off() -> Reply:
    return say("This machine is not kept awake by us: [awake] enabled is false in dispatch.toml.")


def battery_low(percent: int, jobs: Sequence[JobId]) -> Reply:
    words = Words().bold("Battery at {percent} %", percent=percent)
    if jobs:
        words.plain(
            ": the machine may fall asleep now, with {jobs} unfinished. ", jobs=_named(jobs)
        )
    else:
        words.plain(": the machine may fall asleep now. ")
    return words.plain("Plug it in, and it is kept awake again.").reply()


def _named(jobs: Sequence[JobId]) -> Phrase:
    """As `keep_awake.named`."""
    numbers = ", ".join(map(str, jobs[:MAX_NAMED_JOBS]))
    if len(jobs) > MAX_NAMED_JOBS:
        more = len(jobs) - MAX_NAMED_JOBS
        return phrase("jobs {numbers} and {more} more", numbers=numbers, more=more)
    if len(jobs) > 1:
        return phrase("jobs {numbers}", numbers=numbers)
    return phrase("job {numbers}", numbers=numbers)


def woken(host: HostName) -> Reply:
    return say("Told {host} to wake up. It does not answer that; give it a minute.", host=host)


def not_woken(host: HostName, problem: str) -> Reply:
    return say("{host} was not told to wake up: {problem}.", host=host, problem=problem)


def no_such_host(name: str, known: Sequence[HostName]) -> Reply:
    if not known:
        return say("There is no host to wake: none is in dispatch.toml ([hosts.NAME]).")
    return say(
        "There is no host called “{name}”. There is: {known}.",
        name=shown(name),
        known=", ".join(known),
    )
