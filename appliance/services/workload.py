"""How much there is to do, in numbers, for who watches over the machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State as JobState
from appliance.core.model import Millis, ProjectName
from appliance.ports import Clock, Numbers, State

_SHOWN = (JobState.WAITING_APPROVAL, JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Line:
    """What waits: how much, and how long the first of it has waited."""

    length: int
    oldest_seconds: float


class Workload:
    """Each method asks the database anew, and raises StorageUnavailable."""

    def __init__(self, state: State, projects: Collection[ProjectName], clock: Clock) -> None:
        self._state = state
        self._projects = projects
        self._clock = clock

    def jobs(self) -> Numbers:
        """How many jobs of each project are in each state in which they are not over yet."""
        found: dict[tuple[str, ...], float] = {
            (project, state): 0 for project in self._projects for state in _SHOWN
        }
        for job in self._state.unfinished_jobs():
            if job.state in _SHOWN:
                found[job.project, job.state] = found.get((job.project, job.state), 0) + 1
        return found

    def queue(self) -> Line:
        jobs = self._state.unfinished_jobs()
        return self._line([job.created_at for job in jobs if job.state is JobState.QUEUED])

    def approvals(self) -> Line:
        """Those that nobody has answered."""
        asked = self._state.open_approvals()
        return self._line([a.asked_at for a in asked if a.state is ApprovalState.PENDING])

    def outbox(self) -> Line:
        length, oldest = self._state.undelivered()
        return Line(length, self._line([oldest] if oldest else []).oldest_seconds)

    def _line(self, since: Sequence[Millis]) -> Line:
        if not since:
            return Line(0, 0.0)
        return Line(len(since), max(0.0, (self._clock.now() - min(since)) / 1000))
