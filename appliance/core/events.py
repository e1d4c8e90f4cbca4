"""What happens, in one vocabulary for the audit log, the journal and the tests.

An event is a frozen class; its name is derived from the class name (`JobStarted` is
`job.started`) and is never renamed or reused: `tests/core/test_events.py` keeps the golden
list. Every field becomes part of the record. A field made with `private()` is kept beside the
record as a salted commitment, so that it can be redacted later without breaking the chain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from appliance.core.model import Actor

FieldValue = str | int | bool | tuple[str, ...]


def private(default: str = "") -> Any:
    """A text field whose value is committed to, not contained, in the record."""
    return field(default=default, metadata={"private": True})


class ActorType(StrEnum):
    """Who acts: a known person, the agent of a job, or this appliance itself."""

    USER = "user"
    AGENT = "agent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Who:
    """The actor of a record. `auth` says how it was known, e.g. "telegram:4711" or "job:12"."""

    type: ActorType
    id: str
    auth: str = ""

    @staticmethod
    def user(actor: Actor) -> Who:
        return Who(ActorType.USER, actor.name, str(actor.sender))

    @staticmethod
    def agent(job: int) -> Who:
        return Who(ActorType.AGENT, "agent", f"job:{job}")


SYSTEM = Who(ActorType.SYSTEM, "dispatchd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. `cause` names what led here: message keys, "job:12", request ids."""

    _names: ClassVar[dict[str, type[Event]]] = {}

    who: Who = SYSTEM
    cause: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        # slots=True makes each class twice; the second one, with slots, is the one that stays
        Event._names[name_of(cls)] = cls

    @property
    def name(self) -> str:
        return name_of(type(self))

    def data(self) -> dict[str, FieldValue]:
        """The public fields, without `who` and `cause`."""
        public, _ = _fields_of(self.name)
        return {name: getattr(self, name) for name in public}

    def secrets(self) -> dict[str, str]:
        """The private fields that are not empty."""
        _, private = _fields_of(self.name)
        return {name: value for name in private if (value := getattr(self, name))}


def name_of(cls: type) -> str:
    """`JobTimedOut` → "job.timed_out"."""
    return _dotted(cls.__name__)


def event_names() -> Mapping[str, type[Event]]:
    """Every event there is, by name."""
    return dict(Event._names)


# both are asked for at every append, and never change


@cache
def _dotted(name: str) -> str:
    first, *rest = re.findall(r"[A-Z][a-z]*", name)
    return f"{first.lower()}.{'_'.join(rest).lower()}"


@cache
def _fields_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of an event's public and of its private fields."""
    own = [f for f in fields(Event._names[name]) if f.name not in ("who", "cause")]
    return (
        tuple(f.name for f in own if "private" not in f.metadata),
        tuple(f.name for f in own if "private" in f.metadata),
    )


# --- life of the daemon


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStarted(Event):
    version: str
    boot: str
    isolation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStopping(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStopped(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLoaded(Event):
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLoaded(Event):
    path: str
    sha256: str
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged(Event):
    """What an edit changed in who may do what: "+ …" for more, "- …" for less."""

    sha256: str
    before_sha256: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRejected(Event):
    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTested(Event):
    """The canary ran: `passed` only if both gates refused what they had to refuse."""

    agent: str
    version: str
    passed: bool
    reason: str = ""


# --- messages and requests


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    key: str
    place: str
    text: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(Event):
    """A message that is known says something else now. `job`: what it had asked for, or 0."""

    key: str
    place: str
    job: int = 0
    text: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageIgnored(Event):
    """From nobody we know: counted, summed up now and then, never answered."""

    platform: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAllowed(Event):
    act: str
    object: str
    project: str
    rule: str
    input_sha256: str = ""
    input: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDenied(Event):
    act: str
    object: str
    project: str
    rule: str
    reason: str
    input_sha256: str = ""
    input: str = private()


# --- who is heard


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingOpened(Event):
    """Until `expires_at` one account may become one of this user's, by a code shown on the host."""

    pairing: str
    user: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingRefused(Event):
    """A try that paired nobody; `pairing` is "" when the code was nobody's."""

    pairing: str
    account: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingEnded(Event):
    """Nobody was paired, and nobody can be with this code any more."""

    pairing: str
    user: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPaired(Event):
    """From now on whoever has this account is this user. `called` is its name on the platform."""

    account: str
    user: str
    pairing: str
    called: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUnpaired(Event):
    account: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePaired(Event):
    """From now on we work in this group, or in this topic of it."""

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceUnpaired(Event):
    place: str


# --- who may what


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalMade(Event):
    """Somebody wants the policy changed. `digest` covers the lines and the policy they change."""

    proposal: str
    object: str
    digest: str
    policy_sha256: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalAccepted(Event):
    """A second person, or the host, lets exactly these lines be changed."""

    proposal: str
    digest: str
    proposer: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRefused(Event):
    proposal: str
    digest: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalLapsed(Event):
    """It will not happen: nobody confirmed it in time, or it means something else by now."""

    proposal: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsRemoved(Event):
    """The host takes lines out of what was granted."""

    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownStarted(Event):
    """From now on everything is stopped and refused."""

    lockdown: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownLifted(Event):
    """The host lets things go on. `since`: when it began."""

    lockdown: str
    since: int


# --- approvals


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAsked(Event):
    approval: str
    job: int
    request: str
    object: str
    project: str
    directory: str
    rule: str
    input_sha256: str
    expires_at: int
    by: tuple[str, ...] = ()
    people: int = 1
    input: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven(Event):
    """One person's yes. `for_job`: to all that the same rule asks about in this job."""

    approval: str
    job: int
    request: str
    input_sha256: str
    for_job: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRefused(Event):
    approval: str
    job: int
    request: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalExpired(Event):
    approval: str
    job: int
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRenewed(Event):
    """Somebody asks again for what has expired; `job` is the one in which it is asked."""

    approval: str
    job: int


# --- what an agent asks


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Event):
    """`rule` is what lets the agent ask."""

    question: str
    job: int
    request: str
    project: str
    rule: str
    expires_at: int
    text: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered(Event):
    question: str
    job: int
    request: str
    answer: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionExpired(Event):
    question: str
    job: int
    request: str


# --- tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted(Event):
    job: int
    request: str
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished(Event):
    job: int
    request: str
    is_error: bool
    output_sha256: str
    output: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReceived(Event):
    """A file that came with a job has been fetched; its agent is about to see it."""

    job: int
    size: int
    sha256: str
    file: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSent(Event):
    """A file of a project is about to be sent to a chat; `rule` allows its reading."""

    project: str
    place: str
    size: int
    sha256: str
    rule: str
    path: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechHeard(Event):
    """A spoken message was written down; nothing is done before somebody says that it is right."""

    size: int
    sha256: str
    text: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionClosed(Event):
    """A task's connection that had been allowed is over. `request` is that of its permission.

    `address` is "" when there was none to connect to, `reason` is "" when both sides had ended.
    """

    job: int
    request: str
    host: str
    port: int
    address: str
    sent_bytes: int
    received_bytes: int
    duration_ms: int
    reason: str


# --- jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueued(Event):
    job: int
    project: str
    kind: str  # "prompt" or the recipe's name
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted(Event):
    job: int
    project: str
    kind: str
    isolation: str
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSteered(Event):
    job: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    job: int
    cost_microdollars: int
    input_tokens: int
    output_tokens: int
    duration_ms: int
    answer_sha256: str
    session: str = ""
    answer: str = private()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    job: int
    reason: str
    cost_microdollars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Event):
    job: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimedOut(Event):
    job: int
    after_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInterrupted(Event):
    """The appliance stopped or crashed while the job ran: whether it took effect is unknown."""

    job: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRefused(Event):
    job: int
    reason: str


# --- what jobs change


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken(Event):
    """How a job's project was then is the commit: nobody can change it unnoticed any more."""

    job: int
    project: str
    moment: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesShown(Event):
    """Somebody reads what a job changed: `what` is the list, a file's name, or all of it."""

    job: int
    project: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertStarted(Event):
    """From now on these files of a job's are made as they were before it."""

    job: int
    project: str
    commit: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorktreeSettled(Event):
    """Somebody says what becomes of a job's worktree: "merge", "keep" or "remove"."""

    job: int
    project: str
    fate: str


# --- staying awake


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeHeld(Event):
    """From now on the machine is kept awake; the jobs are named by `cause`."""

    reason: str
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeReleased(Event):
    reason: str
    held_seconds: int


# --- the log itself


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated(Event):
    """The epoch's key hands over: the record names the next public key (base64)."""

    epoch: int
    next_public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSealed(Event):
    """The first record of a log: names the first epoch's key and the identity's (base64)."""

    origin: str
    reason: str
    public_key: str
    identity_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditForked(Event):
    """The first record of a log that takes the place of one which cannot go on.

    `kept` is the last state of the former log that could be checked, `lost` the largest that is
    known of it from anywhere: what lies between is missing. Roots are hexadecimal.
    """

    origin: str
    reason: str
    public_key: str
    identity_key: str
    previous_origin: str
    kept_size: int
    kept_root: str
    lost_size: int
    lost_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTicked(Event):
    """Nothing happened for an hour: so that silence differs from records cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPosted(Event):
    """The checkpoint of `size` records, with this root (hexadecimal), was kept elsewhere."""

    size: int
    root: str
    sink: str
    for_what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRedacted(Event):
    """The private value `field` of record `seq` was destroyed; its commitment stays."""

    seq: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPruned(Event):
    """The contents of all records up to `before` were destroyed, this one included.

    Their hashes stay, and the records that name keys.
    """

    before: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFailed(Event):
    """An answer could not be delivered and was given up."""

    post: int
    place: str
    reason: str
