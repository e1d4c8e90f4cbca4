"""The commands by which people look after the appliance from a phone.

    /users                        who there is
    /grant bob developer          propose that bob may more; /revoke: that he may less
    /audit [bob | 12 | today]     what happened last
    /lockdown [WHY]               stop and refuse everything

What each of them is called in the policy's admin acts stands beside it. Read here, decided by the
policy, done by the services: nothing of a button or a line is trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.core.lockdown import LockdownId
from appliance.core.model import Click, Incoming, JobId, Message, Phrase
from appliance.core.proposals import ID, ProposalId, Wish
from appliance.core.words import phrase

MAX_WORDS = 200
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_JOB = re.compile(r"#?([1-9][0-9]{0,9})")
_AUDIT = re.compile(r"([0-9]{1,15}):(|t|j[1-9][0-9]{0,9}|w[a-z][a-z0-9-]{0,31})")
_LOCK = re.compile(r"[a-z0-9]{4,32}")


@dataclass(frozen=True, slots=True)
class ShowUsers:
    """Who there is, and what they are."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Ask that somebody may more, or less."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class AnswerProposal:
    """Let a proposed change of the policy happen, or not."""

    proposal: ProposalId
    is_accepted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """The newest records: of a person, of a job, of today; `before` this number, 0: of all."""

    who: str = ""
    job: JobId | None = None
    today: bool = False
    before: int = 0


@dataclass(frozen=True, slots=True)
class LockDown:
    """Stop and refuse everything; at once when it `is_sure`, else after a question.

    `question` is the one that is answered with yes.
    """

    why: str = ""
    is_sure: bool = False
    question: LockdownId | None = None


Administer = ShowUsers | Propose | AnswerProposal | ShowAudit | LockDown


def read(word: str, rest: str) -> Administer | Phrase | None:
    """A command, or what is wrong with it; None: it is none of these."""
    match word:
        case "users":
            return ShowUsers()
        case "grant" | "revoke":
            return _wish(word, rest)
        case "audit":
            return _audit(rest)
        case "lockdown":
            return _lockdown(rest)
        case "approve" | "deny" if ID.fullmatch(rest.partition(" ")[0]):
            name, _, reason = rest.partition(" ")
            return AnswerProposal(ProposalId(name), word == "approve", reason.strip()[:MAX_WORDS])
        case _:
            return None


def _wish(word: str, rest: str) -> Propose | Phrase:
    words = rest.split(" ") if "\n" not in rest else []
    words = [one for one in words if one]
    project = ""
    if len(words) > 3 and words[-2] == "in":
        project = words[-1]
        words = words[:-2]
    if len(words) < 2 or len(rest) > MAX_WORDS:
        return _HOW[word]
    return Propose(Wish(word == "grant", words[0], " ".join(words[1:]), project))


_HOW = {
    "grant": phrase(
        "Write who and what: /grant bob developer, /grant bob /deploy staging in demo, or "
        "/grant bob demo"
    ),
    "revoke": phrase(
        "Write who and what: /revoke bob developer, /revoke bob /deploy staging in demo, or "
        "/revoke bob demo"
    ),
}


def _audit(rest: str) -> ShowAudit | Phrase:
    if not rest:
        return ShowAudit()
    if rest == "today":
        return ShowAudit(today=True)
    if job := _JOB.fullmatch(rest):
        return ShowAudit(job=JobId(int(job[1])))
    if _NAME.fullmatch(rest):
        return ShowAudit(who=rest)
    return phrase("Write /audit, or /audit with a user, a job's number or: today")


def _lockdown(rest: str) -> LockDown | Phrase:
    word, _, why = rest.partition(" ")
    if word == "lift":
        return phrase("Only the host lifts a lockdown: dispatchctl lockdown lift")
    if word == "now":
        return LockDown(why.strip()[:MAX_WORDS], is_sure=True)
    return LockDown(rest[:MAX_WORDS])


# --- buttons


def accepting(proposal: ProposalId) -> str:
    return f"gy:{proposal}"


def refusing(proposal: ProposalId) -> str:
    return f"gn:{proposal}"


def locking(question: LockdownId) -> str:
    return f"lk:{question}"


def earlier(shown: ShowAudit, before: int) -> str:
    """The button for what was before that."""
    about = "t" if shown.today else f"j{shown.job}" if shown.job else ""
    return f"au:{before}:{f'w{shown.who}' if shown.who else about}"


def pressed(token: str) -> Administer | None:
    """What a button asks for; None: it is none of these."""
    kind, _, value = token.partition(":")
    match kind:
        case "gy" | "gn" if ID.fullmatch(value):
            return AnswerProposal(ProposalId(value), is_accepted=kind == "gy")
        case "lk" if _LOCK.fullmatch(value):
            return LockDown(question=LockdownId(value))
        case "au" if found := _AUDIT.fullmatch(value):
            return _earlier(int(found[1]), found[2])
        case _:
            return None


def _earlier(before: int, about: str) -> ShowAudit:
    kind, value = about[:1], about[1:]
    return ShowAudit(
        who=value if kind == "w" else "",
        job=JobId(int(value)) if kind == "j" else None,
        today=kind == "t",
        before=before,
    )


def typed(command: Administer) -> str:
    """What to write instead of pressing the button."""
    match command:
        case AnswerProposal(proposal=proposal, is_accepted=is_accepted):
            return f"/{'approve' if is_accepted else 'deny'} {proposal}"
        case LockDown():
            return "/lockdown now"
        case ShowAudit(who=who, job=job, today=today):
            return " ".join(filter(None, ("/audit", who, str(job or ""), "today" * today)))
        case _:
            return ""


def is_urgent(incoming: Incoming) -> bool:
    """What goes ahead of everything that waits to be judged: a panic must not stand in line."""
    match incoming:
        case Message(text=text):
            return text.lstrip()[:9].casefold() == "/lockdown"
        case Click(token=token):
            return token.startswith("lk:")
        case _:
            return False


# --- how the policy names them


def words_of(command: Administer) -> str:
    """As a command of a chat."""
    match command:
        case ShowUsers():
            return "/users"
        case Propose(wish=wish):
            return "/grant" if wish.is_grant else "/revoke"
        case AnswerProposal(is_accepted=is_accepted):
            return "/approve" if is_accepted else "/deny"
        case ShowAudit():
            return "/audit"
        case LockDown():
            return "/lockdown"


SHOW_USERS = "users"
PROPOSE = "policy propose"
CONFIRM = "policy confirm"
READ_AUDIT = "audit read"
LOCK_DOWN = "lockdown start"
LIFT = "lockdown lift"
LOOK_AT_GRANTS = "policy grants"


def admin_words_of(command: Administer) -> str:
    """As an admin act, which is how they are judged."""
    match command:
        case ShowUsers():
            return SHOW_USERS
        case Propose():
            return PROPOSE
        case AnswerProposal():
            return CONFIRM
        case ShowAudit():
            return READ_AUDIT
        case LockDown():
            return LOCK_DOWN
