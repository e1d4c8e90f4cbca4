"""The story of a job, put together from its records: from the message to the result.

Records name what led to them: the key of a message, a job, the request of a tool call. The
story follows these names and adds nothing of its own. What was never recorded, or was pruned,
is missing from it; whether the records are what was signed is for `verify` to tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from appliance.audit.database import EPOCH
from appliance.audit.reader import Log
from appliance.audit.search import Entry, job_of, message_key, tool_of, word
from appliance.core.approvals import JOB_ITSELF
from appliance.core.events import ActorType, Who
from appliance.errors import ApplianceError

_DECISIONS = frozenset(("request.allowed", "request.denied"))
_ANSWERS = frozenset(("approval.given", "approval.refused", "approval.expired"))
_ENDINGS = frozenset(
    ("job.finished", "job.failed", "job.cancelled", "job.timed_out", "job.interrupted")
)
_NAME_THE_MESSAGE = frozenset(("approval.asked", "job.queued", "job.started"))


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to people and its answer: given, refused or expired.

    `strangers` are the refused attempts of people whom the policy does not let answer it.
    """

    id: str
    asked: Entry | None = None
    answer: Entry | None = None
    strangers: tuple[Entry, ...] = ()

    @property
    def milliseconds(self) -> int | None:
        """How long the answer took."""
        return _between(self.asked, self.answer)


@dataclass(frozen=True, slots=True)
class Call:
    """What the agent wanted to do with a tool: asked about, judged, run, finished."""

    id: str
    tool: str
    approvals: tuple[Approval, ...] = ()
    decision: Entry | None = None
    started: Entry | None = None
    finished: Entry | None = None

    @property
    def milliseconds(self) -> int | None:
        """How long it ran."""
        return _between(self.started, self.finished)


Step = Call | Approval | Entry
"""One thing that happened in a job."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What covers a record: the epoch whose key signed it, and the anchors behind it.

    `signed_at` is the size of the first signed head that includes it, 0 when there is none;
    `anchors` has for each place where checkpoints were posted the size of the first one that
    includes it.
    """

    epoch: int
    signed_at: int
    anchors: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A job from the message that asked for it to its end, None where there is no record.

    `steps` is all that happened in the job, in order, with calls and the questions about the
    job itself as wholes, and messages that were written on the way; `records` adds the first
    message and is in the order of the log. `earlier` has the first records of other jobs that
    had the same number.
    """

    job: int
    project: str
    requester: Who | None
    message: Entry | None
    decision: Entry | None
    queued: Entry | None
    started: Entry | None
    steps: tuple[Step, ...]
    ending: Entry | None
    records: tuple[Entry, ...]
    protection: Protection
    earlier: tuple[int, ...]

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """The questions about the job itself."""
        return tuple(step for step in self.steps if isinstance(step, Approval))

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(step for step in self.steps if isinstance(step, Call))

    @property
    def milliseconds(self) -> int:
        """From the first record to the last."""
        return self.records[-1].record.time - self.records[0].record.time


class Records(Protocol):
    """Where a story is found: a log, or what was read of it before."""

    @property
    def connection(self) -> sqlite3.Connection: ...

    def of_job(self, job: int) -> Sequence[Entry]: ...

    def of_message(self, key: str) -> Sequence[Entry]: ...


def story_in(log: Records, job: int) -> Story:
    """The story of the job with this number, of the latest if there were several.

    Raises ApplianceError when no record is about it.
    """
    lives = _lives(log.of_job(job))
    if not lives:
        raise ApplianceError(
            f"no record is about job {job}",
            hint="the latest are shown by: dispatchctl audit log",
        )
    *earlier, (key, own) = lives.items()
    asked = log.of_message(key)
    happened = sorted([*own, *_messages_on_the_way(log, key, own)], key=_seq)
    records = tuple(sorted([*asked, *happened], key=_seq))
    return Story(
        job=job,
        project=next(filter(None, (_word(e, "project") for e in reversed(records))), ""),
        requester=_requester(records),
        message=_first(records, {"message.received"}),
        decision=_last(asked, _DECISIONS),
        queued=_first(records, {"job.queued"}),
        started=_first(records, {"job.started"}),
        steps=tuple(_steps(happened)),
        ending=_last(records, _ENDINGS),
        records=records,
        protection=protection(log, _seq(records[-1])),
        earlier=tuple(_seq(life[0]) for _, life in earlier),
    )


def protection(log: Records, seq: int) -> Protection:
    """What covers the record with this number."""
    (ended,) = log.connection.execute(
        "SELECT count(*) FROM ckpt WHERE reason=? AND size<?", (EPOCH, seq)
    ).fetchone()
    (signed,) = log.connection.execute(
        "SELECT min(seq) FROM leaf WHERE seq>=? AND sig NOT NULL", (seq,)
    ).fetchone()
    anchors = log.connection.execute(
        "SELECT sink, min(size) FROM anchor WHERE size>=? GROUP BY sink ORDER BY sink", (seq,)
    )
    return Protection(ended + 1, signed or 0, tuple(anchors.fetchall()))


def causes(log: Log, entry: Entry) -> dict[str, Entry | None]:
    """The first record of each thing that led to this one, None where no other record is of it."""
    job = job_of(entry.record)
    own = log.of_job(job) if job else []
    found = {name: _first_of(log, name, own) for name in entry.record.cause}
    return {name: None if first == entry else first for name, first in found.items()}


def _first_of(log: Log, name: str, own: Sequence[Entry]) -> Entry | None:
    """The first record of a message, or among `own` of a job, an approval or a tool call."""
    if name.startswith("job:"):
        return own[0] if own else None
    if name.startswith("approval:"):
        return next((e for e in own if f"approval:{_word(e, 'approval')}" == name), None)
    of_call = (entry for entry in own if _request(entry, {}) == name)
    return next(iter(log.of_message(name)), None) or next(of_call, None)


def _lives(found: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The records of all jobs that had this number, by the key of the message that asked.

    After a loss of the state database numbers begin anew, and the log goes on.
    """
    keys = [message_key(e.record) if e.record.kind in _NAME_THE_MESSAGE else "" for e in found]
    key = next(filter(None, keys), "")
    lives: dict[str, list[Entry]] = {}
    for own, entry in zip(keys, found, strict=True):
        key = own or key
        lives.setdefault(key, []).append(entry)
    return lives


def _messages_on_the_way(log: Records, key: str, own: Sequence[Entry]) -> Iterator[Entry]:
    """What people wrote while the job was there, where its records name it, and the decisions."""
    for other in dict.fromkeys(message_key(entry.record) for entry in own):
        if other != key:
            yield from log.of_message(other)


def _requester(records: Iterable[Entry]) -> Who | None:
    """The first person in it: nobody can act on a job before it is asked for."""
    people = (e.record.actor for e in records if e.record.actor.type is ActorType.USER)
    return next(people, None)


# --- steps


def _steps(records: Sequence[Entry]) -> Iterator[Step]:
    """Records of one request together, in the order of their first ones."""
    requests = {_word(e, "approval"): _word(e, "request") for e in records}
    groups: dict[str | int, list[Entry]] = {}
    for entry in records:
        groups.setdefault(_request(entry, requests) or _seq(entry), []).append(entry)
    for request, members in groups.items():
        if isinstance(request, int):
            yield from members
        elif request == JOB_ITSELF:
            yield from _approvals(members)
        else:
            yield _call(request, members)


def _request(entry: Entry, requests: Mapping[str, str]) -> str:
    """The request of a tool call or approval that a record is about, "" when there is none."""
    record = entry.record
    if record.kind in _DECISIONS and record.actor.type is ActorType.AGENT:
        return record.cause[-1] if record.cause else ""
    if _is_foreign(entry):
        return requests.get(_word(entry, "object"), "")
    return _word(entry, "request")


def _call(request: str, members: Sequence[Entry]) -> Call:
    return Call(
        id=request,
        tool=next(filter(None, (tool_of(entry.record) for entry in members)), ""),
        approvals=tuple(_approvals(members)),
        decision=_last([e for e in members if not _is_foreign(e)], _DECISIONS),
        started=_first(members, {"tool.started"}),
        finished=_last(members, {"tool.finished"}),
    )


def _approvals(members: Sequence[Entry]) -> Iterator[Approval]:
    groups: dict[str, list[Entry]] = {}
    for entry in members:
        if name := _word(entry, "object" if _is_foreign(entry) else "approval"):
            groups.setdefault(name, []).append(entry)
    for name, own in groups.items():
        yield Approval(
            id=name,
            asked=_first(own, {"approval.asked"}),
            answer=_answer(own),
            strangers=tuple(filter(_is_foreign, own)),
        )


def _answer(own: Sequence[Entry]) -> Entry | None:
    """What settled it: a no, or the last yes it took; later ones came too late."""
    asked = _first(own, {"approval.asked"})
    people = asked.record.data.get("people", 1) if asked else 1
    given: set[str] = set()
    for entry in own:
        if entry.record.kind == "approval.given":
            given.add(entry.record.actor.id)
            if not isinstance(people, int) or len(given) >= people:
                return entry
        elif entry.record.kind in _ANSWERS:
            return entry
    return None


def _is_foreign(entry: Entry) -> bool:
    """Whether somebody tried to answer an approval that is not theirs to answer."""
    return entry.record.kind == "request.denied" and _word(entry, "act") == "approve"


# --- small pieces


def _first(entries: Iterable[Entry], kinds: Set[str]) -> Entry | None:
    return next((entry for entry in entries if entry.record.kind in kinds), None)


def _last(entries: Sequence[Entry], kinds: Set[str]) -> Entry | None:
    return _first(reversed(entries), kinds)


def _between(begin: Entry | None, end: Entry | None) -> int | None:
    return None if begin is None or end is None else end.record.time - begin.record.time


def _word(entry: Entry, name: str) -> str:
    return word(entry.record, name)


def _seq(entry: Entry) -> int:
    return entry.record.seq
