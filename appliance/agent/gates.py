"""What gate 1 approved, and whether gate 2 sees just that. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from appliance.agent.stream import PermissionAsked
from appliance.core.model import ASK_PEOPLE, Json, Proceed, ToolCall, Verdict

ANSWERS = "answers"
"""The one field that we may add between the gates, to questions that people were asked."""


class Gates(Protocol):
    """The memory between the two gates."""

    def remember(self, call: ToolCall, verdict: Verdict) -> None:
        """Note gate 1's verdict."""

    def confirm(self, asked: PermissionAsked) -> ToolCall | None:
        """The approved call as it will run; None: it must not run."""


@dataclass(frozen=True, slots=True)
class _Approved:
    call: ToolCall
    answers: Mapping[str, str] | None


class StrictGates:
    """A call goes on once, and only as it was approved: same id, same tool, same input.

    What people answered to an agent's questions is added to the input after it has been compared.
    """

    def __init__(self) -> None:
        self._approved: dict[str, _Approved] = {}

    def remember(self, call: ToolCall, verdict: Verdict) -> None:
        if isinstance(verdict, Proceed):
            approved = _Approved(replace(call, input=verdict.input), verdict.answers)
            self._approved[call.id] = approved

    def confirm(self, asked: PermissionAsked) -> ToolCall | None:
        approved = self._approved.pop(asked.call_id, None)
        if approved is None or approved.call.tool != asked.tool:
            return None
        if _canonical(approved.call.input) != _canonical(asked.input):
            return None
        return _answered(approved)


def _answered(approved: _Approved) -> ToolCall | None:
    call, answers = approved.call, approved.answers
    if answers is None:
        # the agent may have answered for the person: the program takes that out before it gets here
        return None if call.tool == ASK_PEOPLE else call
    if call.tool != ASK_PEOPLE or ANSWERS in call.input:
        return None
    return replace(call, input={**call.input, ANSWERS: dict(answers)})


def _canonical(value: Mapping[str, Json]) -> str:
    """Equal only for equal JSON: Python's own equality takes 1, 1.0 and True for the same."""
    return json.dumps(value, sort_keys=True)
