"""All areas at once, each in a thread: one that hangs is told of, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from appliance.app.doctor.check import Check, of_error, passed, warned
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.config import Settings

SECONDS = 4.5
"""A person waits; asking takes as long as the slowest area."""

Area = Callable[["Settings"], Iterable[Check]]


def examine(config: Path, seconds: float = SECONDS) -> Iterator[Check]:
    """All checks; those that need the settings only when these can be read."""
    from appliance.app.doctor import (
        agent,
        files,
        log,
        machine,
        metrics,
        projects,
        rules,
        running,
        walls,
        way_out,
    )
    from appliance.config import load

    try:
        settings = load(config)
    except ApplianceError as error:
        yield of_error("settings", error)
        return
    yield passed("settings", str(config))
    areas: dict[str, Area] = {
        "policy": rules.checks,
        "files": files.checks,
        "isolation": walls.checks,
        "projects": projects.checks,
        "egress": way_out.checks,
        "claude": agent.checks,
        "machine": machine.checks,
        "daemon": running.checks,
        "metrics": metrics.checks,
        "audit": log.checks,
    }
    yield from examined(areas, settings, seconds)


def examined(areas: dict[str, Area], settings: Settings, seconds: float) -> Iterator[Check]:
    """Their checks in this order, after `seconds` at the latest."""
    answers = [_Answer(name, area, settings) for name, area in areas.items()]
    deadline = time.monotonic() + seconds
    for answer in answers:
        answer.thread.join(max(0.0, deadline - time.monotonic()))
        yield from answer.checks()


class _Answer:
    """What an area finds; `thread` dies with the program, whatever it waits for."""

    def __init__(self, name: str, area: Area, settings: Settings) -> None:
        self._name = name
        self._area = area
        self._settings = settings
        self._found: list[Check] = []
        self._error: Exception | None = None
        self.thread = Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def checks(self) -> Iterator[Check]:
        """Raises what is a bug of ours."""
        is_late = self.thread.is_alive()
        yield from list(self._found)
        if is_late:
            fix = "run it again; if it stays so, look at this part by hand"
            yield warned(self._name, "this was not all: something does not answer", fix)
        elif isinstance(self._error, ApplianceError):
            yield of_error(self._name, self._error)
        elif isinstance(self._error, OSError):
            yield warned(self._name, f"cannot be looked at: {self._error}", "run doctor as root")
        elif self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for check in self._area(self._settings):
                self._found.append(check)
        except Exception as error:  # noqa: BLE001 - raised again where somebody hears of it
            self._error = error
