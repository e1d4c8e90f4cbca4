"""One event of every kind there is, so that what maps kinds cannot forget one."""

from __future__ import annotations

import dataclasses
import typing

from appliance.core.events import ActorType, Event, FieldValue, Who, event_names

EXAMPLES: dict[object, FieldValue] = {
    str: "text",
    int: 7,
    bool: True,
    tuple[str, ...]: ("owner", "operator"),
}
ACTORS = (
    Who(ActorType.USER, "anna", "telegram:4711"),
    Who.agent(7),
    Who(ActorType.SYSTEM, "dispatchd"),
)


def every_event() -> list[Event]:
    """Each kind, by each type of actor, with all fields filled."""
    return [
        cls(who=who, cause=("telegram:1:1", "job:7"), **_fields(cls))
        for cls in event_names().values()
        for who in ACTORS
    ]


def _fields(cls: type[Event]) -> dict[str, FieldValue]:
    hints = typing.get_type_hints(cls)
    names = (f.name for f in dataclasses.fields(cls) if f.name not in ("who", "cause"))
    return {name: EXAMPLES[hints[name]] for name in names}
