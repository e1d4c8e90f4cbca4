"""How things stand: for /status in a chat, `dispatchctl status` and `doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.core.jobs import Job
from appliance.core.jobs import State as JobState
from appliance.core.model import Button, Isolation, Json, Millis, Phrase, Reply
from appliance.core.words import Words, duration, phrase
from appliance.errors import StorageUnavailable
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
    "room": phrase("free disk"),
    "lockdown": phrase("lockdown"),
    "strangers": phrase("strangers"),
}


_TROUBLES = (
    *("lockdown", "audit", "policy trouble", "wall", "disk"),
    *("anchor trouble", "awake trouble", "memory"),
)
_FACTS = ("policy", "anchors", "awake", "agent", "room")
_SHORT_LINES = 7
"""Below the first one: what a phone shows without scrolling."""


class Health:
    """Gathers the state of the parts. `probes` are named one-line reports, e.g. of the agent."""

    def __init__(
        self, facts: Facts, state: State, clock: Clock, probes: Mapping[str, Probe]
    ) -> None:
        self._facts = facts
        self._state = state
        self._clock = clock
        self._probes = probes

    def ailment(self) -> str:
        """Why nothing is done for anybody, in one line; "" while all is well.

        What the watchdog asks, and then what would have every request refused.
        """
        try:
            self._state.unfinished_jobs()
        except StorageUnavailable as error:
            return error.message
        lines = (self._probes.get(part, str)() for part in ("audit", "disk"))
        return next((str(line) for line in lines if line), "")

    def report(self) -> dict[str, Json]:
        """Versioned, for `dispatchctl status --json`."""
        unfinished = self._state.unfinished_jobs()
        running = [job for job in unfinished if job.has_started]
        return {
            "v": 1,
            "ailment": self.ailment(),
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
        """What counts, in a few lines: trouble first, then the facts that there is room for."""
        facts, troubles = self._facts, list(self._troubles())
        words = Words().verbatim("⚠ " if troubles else "✓ ").bold(phrase("{host}", host=facts.host))
        if not troubles:
            words.plain(" · all well")
        words.verbatim(f" · dispatch-appliance {facts.version}")
        for line in [*troubles, self._work(), self._wall(), *self._said(_FACTS)][:_SHORT_LINES]:
            words.line(line)
        return words.reply([Button(phrase("More"), "sm")])

    def whole(self) -> Reply:
        """Everything there is to say."""
        facts = self._facts
        words = Words().bold(phrase("{host}", host=facts.host))
        words.verbatim(f" · dispatch-appliance {facts.version}")
        words.line("up {duration}", duration=duration(self._clock.now() - facts.started_at))
        for line in (self._work(), self._wall(), *self._said(tuple(self._probes))):
            words.line(line)
        return words.reply()

    def _troubles(self) -> Iterator[Phrase]:
        if self._facts.isolation is Isolation.NONE:
            yield phrase("⚠ the agent runs unprotected, as this user")
        for line in self._said(_TROUBLES):
            yield phrase("⚠ {line}", line=line)

    def _said(self, parts: Sequence[str]) -> Iterator[Phrase]:
        for name in parts:
            if line := self._probes.get(name, str)():
                yield phrase("{part}: {line}", part=_PARTS.get(name, name), line=line)

    def _work(self) -> Phrase:
        unfinished = self._state.unfinished_jobs()
        return phrase(
            "running {running} of {possible}, queued {queued}",
            running=sum(job.has_started for job in unfinished),
            possible=self._facts.max_parallel,
            queued=sum(job.state is JobState.QUEUED for job in unfinished),
        )

    def _wall(self) -> Phrase:
        return phrase("isolation: {isolation}", isolation=self._facts.isolation)


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
