"""A large log, written by the real writer in groups: what many jobs of some people leave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

from appliance.audit.database import DATABASE
from appliance.audit.writer import Writer, prepare
from appliance.core.events import (
    ActorType,
    ApprovalAsked,
    Event,
    JobFinished,
    JobQueued,
    JobStarted,
    MessageReceived,
    RequestAllowed,
    ToolFinished,
    Who,
)
from tests.audit.lives import life
from tests.audit.logs import ANNA, BOOT
from tests.fakes import FakeClock

GROUP = 500

_SECONDS_BETWEEN_GROUPS = 60
_USERS = 20
_PROJECTS = 8
_RULES = 300
_WORDS = 20_000
_LETTERS = "etaoinshrdlucmfwyp"


def fill(directory: Path, size: int) -> Path:
    """Begin a log and write at least `size` records; the path of its database."""
    clock = FakeClock()
    writer = Writer(directory, clock, BOOT)
    events = many_events(random.Random(size))
    for _ in range(-(-size // GROUP)):
        clock.advance(_SECONDS_BETWEEN_GROUPS)
        writer.commit([[prepare(event)] for event in islice(events, GROUP)])
    writer.close()
    return directory / DATABASE


def many_events(chance: random.Random) -> Iterator[Event]:
    """Jobs one after another, asked for by many people in several projects, for ever."""
    words = ["".join(chance.choices(_LETTERS, k=chance.randrange(2, 10))) for _ in range(_WORDS)]
    for job in count(1):
        user = Who(ActorType.USER, f"user{job % _USERS}", f"telegram:{4711 + job % _USERS}")
        for event in life(job):
            own = replace(event, who=user) if event.who == ANNA else event
            yield _varied(own, f"project{job % _PROJECTS}", words, chance)


def _varied(event: Event, project: str, words: list[str], chance: random.Random) -> Event:
    def text(length: int) -> str:
        return " ".join(chance.choices(words, k=length))

    match event:
        case MessageReceived():
            return replace(event, text=text(12))
        case RequestAllowed():
            rule = f"/etc/dispatch/policies/default.csv:{chance.randrange(_RULES)}"
            return replace(event, project=project, rule=rule, input=text(10))
        case ToolFinished():
            return replace(event, output=text(chance.choice((4, 20, 120))))
        case JobFinished():
            return replace(event, answer=text(40))
        case JobQueued() | JobStarted() | ApprovalAsked():
            return replace(event, project=project)
        case _:
            return event
