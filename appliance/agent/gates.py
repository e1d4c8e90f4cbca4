"""What gate 1 approved, and whether gate 2 sees just that. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from appliance.agent.stream import PermissionAsked
from appliance.core.model import Json, Proceed, ToolCall, Verdict


class Gates(Protocol):
    """The memory between the two gates."""

    def remember(self, call: ToolCall, verdict: Verdict) -> None:
        """Note gate 1's verdict."""

    def confirm(self, asked: PermissionAsked) -> ToolCall | None:
        """The approved call as it will run; None: it must not run."""


class StrictGates:
    """A call goes on once, and only as it was approved: same id, same tool, same input."""

    def __init__(self) -> None:
        self._approved: dict[str, ToolCall] = {}

    def remember(self, call: ToolCall, verdict: Verdict) -> None:
        if isinstance(verdict, Proceed):
            self._approved[call.id] = replace(call, input=verdict.input)

    def confirm(self, asked: PermissionAsked) -> ToolCall | None:
        call = self._approved.pop(asked.call_id, None)
        if call is None or call.tool != asked.tool:
            return None
        return call if _canonical(call.input) == _canonical(asked.input) else None


def _canonical(value: Mapping[str, Json]) -> str:
    """Equal only for equal JSON: Python's own equality takes 1, 1.0 and True for the same."""
    return json.dumps(value, sort_keys=True)
