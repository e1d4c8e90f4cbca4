"""Whether what was allowed after a question is what the question was about.

The records are the writer's own, and signed; but who holds today's key, or has the daemon, could
write that an approval was for another command. Each answer must be to a question that was asked,
for the same input of the same request, and nothing may run on a question's rule unanswered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from appliance.audit.structure import Fault
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobInterrupted,
    JobTimedOut,
    RequestAllowed,
    name_of,
)
from appliance.core.model import Json

_ENDS = (JobFinished, JobFailed, JobCancelled, JobTimedOut, JobInterrupted)

Data = Mapping[str, Json]
"""The public fields of a record."""

Handler = Callable[[int, Data, str], None]
"""Takes a record: its number, its public fields, and all of it as text."""

_json = json.JSONEncoder(ensure_ascii=False).encode
_KEPT_JOBS = 256  # those whose end was never recorded would stay for ever


@dataclass(slots=True)
class _Question:
    seq: int
    request: Json
    rule: Json
    input_sha256: Json
    people: int = 1
    given_by: set[str] = field(default_factory=set)
    is_over: bool = False

    @property
    def is_given(self) -> bool:
        """Whether as many different people have said yes as the question says it takes."""
        return len(self.given_by) >= self.people


class Consent:
    """The questions of each job that has not ended, as the records of a log pass by.

    When `is_partial`, questions may have been asked in records that are gone.
    """

    def __init__(self) -> None:
        self.is_partial = False
        self._jobs: dict[str, dict[str, _Question]] = {}
        self._requests: Counter[str] = Counter()  # as JSON writes them
        self.handlers: Mapping[str, Handler] = {
            name_of(ApprovalAsked): self._asked,
            name_of(ApprovalGiven): self._given,
            name_of(ApprovalRefused): self._refused,
            name_of(ApprovalExpired): self._refused,
            name_of(RequestAllowed): self._allowed,
            **dict.fromkeys(map(name_of, _ENDS), self._job_ended),
        }

    def concerns(self, text: str) -> bool:
        """Whether a record of what was allowed can be about a question: if not, skip it."""
        return any(request in text for request in self._requests)

    def _asked(self, seq: int, data: Data, _: str) -> None:
        questions = self._jobs.setdefault(_job(data), {})
        people = data.get("people")
        questions[_approval(data)] = _Question(
            seq,
            data.get("request"),
            data.get("rule"),
            data.get("input_sha256"),
            people if isinstance(people, int) else 1,
        )
        self._requests[_json(data.get("request"))] += 1
        if len(self._jobs) > _KEPT_JOBS:
            self._forget(next(iter(self._jobs)))
            self.is_partial = True

    def _given(self, seq: int, data: Data, text: str) -> None:
        question = self._question(data)
        if question is None:
            if self.is_partial:
                return
            raise Fault(seq, f"{_job(data)} did not ask for the approval that is given here")
        for name in ("request", "input_sha256"):
            if data.get(name) != getattr(question, name):
                raise Fault(
                    seq, f"the approval is for another {name} than record {question.seq} asks about"
                )
        question.given_by.add(json.loads(text)["actor"]["id"])

    def _refused(self, seq: int, data: Data, _: str) -> None:
        question = self._question(data)
        if question is not None:
            # two may answer at once: the records tell both, and the first one counted
            question.is_over = not question.is_given

    def _allowed(self, seq: int, data: Data, text: str) -> None:
        record = json.loads(text)
        about = [
            question
            for question in self._jobs.get(record["actor"]["auth"], {}).values()
            if question.request in record["cause"] and question.rule == data.get("rule")
        ]
        for question in about[-1:]:  # who asks twice about one request means the last question
            _require_consent(seq, data, question)

    def _job_ended(self, seq: int, data: Data, _: str) -> None:
        self._forget(_job(data))

    def _forget(self, job: str) -> None:
        for question in self._jobs.pop(job, {}).values():
            request = _json(question.request)
            self._requests[request] -= 1
            if not self._requests[request]:
                del self._requests[request]

    def _question(self, data: Data) -> _Question | None:
        return self._jobs.get(_job(data), {}).get(_approval(data))


def _require_consent(seq: int, data: Data, question: _Question) -> None:
    if question.is_over or not question.is_given:
        raise Fault(seq, f"this is allowed, but what record {question.seq} asks was not granted")
    if data.get("input_sha256") != question.input_sha256:
        raise Fault(seq, f"this is allowed, but record {question.seq} asks about another input")


def _job(data: Data) -> str:
    return f"job:{data.get('job')}"


def _approval(data: Data) -> str:
    return str(data.get("approval"))
