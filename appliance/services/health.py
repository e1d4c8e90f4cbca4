"""How things stand: for /status in a chat, `dispatchctl status` and `doctor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.core.jobs import Job
from appliance.core.jobs import State as JobState
from appliance.core.model import Isolation, Json, Millis, Phrase, Reply
from appliance.core.words import Words, duration, phrase
from appliance.ports import Clock, State


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while the daemon runs."""

    version: str
    host: str
    started_at: Millis
    isolation: Isolation
    minimum_isolation: Isolation
    max_parallel: int


JOBS_REPORTED = 20

Probe = Callable[[], str | Phrase]
"""One line on how a part is, "" when there is nothing to say."""

_PARTS = {
    "agent": phrase("agent"),
    "memory": phrase("memory"),
    "policy": phrase("policy"),
    "policy trouble": phrase("policy trouble"),
    "wall": phrase("wall"),
    "audit": phrase("audit log"),
    "anchors": phrase("anchors"),
    "anchor trouble": phrase("anchor trouble"),
    "awake": phrase("awake"),
    "awake trouble": phrase("trouble staying awake"),
    "disk": phrase("disk"),
    "strangers": phrase("strangers"),
}


class Health:
    """Gathers the state of the parts. `probes` are named one-line reports, e.g. of the agent."""

    def __init__(
        self, facts: Facts, state: State, clock: Clock, probes: Mapping[str, Probe]
    ) -> None:
        self._facts = facts
        self._state = state
        self._clock = clock
        self._probes = probes

    def report(self) -> dict[str, Json]:
        """Versioned, for `dispatchctl status --json`."""
        unfinished = self._state.unfinished_jobs()
        running = [job for job in unfinished if job.has_started]
        return {
            "v": 1,
            "version": self._facts.version,
            "host": self._facts.host,
            "up": str(duration(self._clock.now() - self._facts.started_at)),
            "isolation": self._facts.isolation,
            "minimum_isolation": self._facts.minimum_isolation,
            "running": [job.id for job in running],
            "queued": [job.id for job in unfinished if job.state is JobState.QUEUED],
            "waiting_approval": len(self._state.open_approvals()),
            "parts": {name: str(probe()) for name, probe in self._probes.items()},
            "jobs": [_job(job) for job in self._state.latest_jobs(JOBS_REPORTED)],
        }

    def reply(self) -> Reply:
        """The same in a few lines."""
        facts, unfinished = self._facts, self._state.unfinished_jobs()
        running = [job for job in unfinished if job.has_started]
        queued = [job for job in unfinished if job.state is JobState.QUEUED]
        words = Words().bold(phrase("{host}", host=facts.host))
        words.verbatim(f" · dispatch-appliance {facts.version}")
        words.line("up {duration}", duration=duration(self._clock.now() - facts.started_at))
        words.line(
            "running {running} of {possible}, queued {queued}",
            running=len(running),
            possible=facts.max_parallel,
            queued=len(queued),
        )
        words.line("isolation: {isolation}", isolation=facts.isolation)
        if facts.isolation is Isolation.NONE:
            words.plain(" ⚠ the agent runs unprotected, as this user")
        for name, probe in self._probes.items():
            if line := probe():
                words.line("{part}: {line}", part=_PARTS.get(name, name), line=line)
        return words.reply()


def _job(job: Job) -> dict[str, Json]:
    return {
        "id": job.id,
        "state": job.state,
        "project": job.project,
        "requester": job.requester,
        "kind": job.kind,
        "title": job.title,
        "created_at": job.created_at,
        "cost_microdollars": job.usage.cost_microdollars,
    }
