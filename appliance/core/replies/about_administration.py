"""Looking after the appliance from a phone: who there is, who may what, the log, the panic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.administration import ShowAudit, accepting, earlier, locking, refusing
from appliance.core.excerpts import Excerpt, LogLine
from appliance.core.hidden import shown
from appliance.core.lockdown import Lockdown
from appliance.core.model import (
    Button,
    ButtonKind,
    Millis,
    Phrase,
    Reply,
    TimeOfDay,
    UserName,
    Value,
)
from appliance.core.proposals import Proposal, ProposalState
from appliance.core.words import Words, age, number, phrase, plural, say

MAX_CHANGES = 8
MAX_WARNINGS = 3
MAX_USERS = 20


# --- /users


@dataclass(frozen=True, slots=True)
class UserLine:
    """`last_seen` None: never."""

    name: UserName
    roles: tuple[str, ...]
    projects: tuple[str, ...]
    accounts: int
    is_automation: bool
    last_seen: Millis | None


def users(lines: Sequence[UserLine], now: Millis) -> Reply:
    words = Words().bold(plural(len(lines), "{count} user", "{count} users"))
    for one in lines[:MAX_USERS]:
        words.verbatim("\n").bold(phrase("{name}", name=one.name))
        words.verbatim(f" · {', '.join(one.roles)}" if one.roles else "")
        words.plain("" if one.roles else " · no role")
        words.plain(" · automation" if one.is_automation else "")
        if one.projects:
            words.verbatim(f" · {_some(one.projects)}")
        words.verbatim(" · ").plain(plural(one.accounts, "{count} account", "{count} accounts"))
        words.verbatim(" · ").plain(_seen(one.last_seen, now))
    if len(lines) > MAX_USERS:
        words.line("and {count} more: dispatchctl users list", count=len(lines) - MAX_USERS)
    return words.reply()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} +{len(names) - 3}"


def _seen(last: Millis | None, now: Millis) -> Phrase:
    if last is None:
        return phrase("never seen")
    if now - last < 60_000:
        return phrase("here now")
    return age(now - last)


# --- /grant and /revoke


def not_proposed(why: str) -> Reply:
    return Words().plain("Not proposed. ").verbatim(shown(why, 600)).reply()


def no_automations() -> Reply:
    return say("Nothing was proposed: only people can change who may do what.")


def too_many_proposals(limit: int) -> Reply:
    return say("Nothing was proposed: {limit} proposals wait for an answer already.", limit=limit)


def proposed(proposal: Proposal, others: Sequence[UserName]) -> Reply:
    """For the proposer: what it means, and who can let it happen."""
    words = _proposal(proposal)
    host = f"dispatchctl policy accept {proposal.id}"
    if others:
        words.line("Nothing changes before {others} confirms it.", others=_either(others))
        words.line("Or on the host: ").code(host)
    else:
        words.line("Nobody else may confirm it here. On the host: ").code(host)
    return words.reply([_refuse(proposal)])


def asked_to_confirm(proposal: Proposal) -> Reply:
    words = _proposal(proposal)
    words.line("Nothing changes before you confirm it.")
    confirm = Button(phrase("Confirm"), accepting(proposal.id), ButtonKind.APPROVE)
    return words.reply([confirm, _refuse(proposal)])


def _refuse(proposal: Proposal) -> Button:
    return Button(phrase("Refuse"), refusing(proposal.id), ButtonKind.DENY)


def _proposal(proposal: Proposal) -> Words:
    draft = proposal.draft
    words = Words().bold("Proposal").plain(" by {user}: ", user=proposal.proposer)
    words.code(shown(str(proposal.wish), 200)).verbatim("\n")
    words.block("\n".join(_lines(proposal)), "diff")
    words.line("It means:")
    for change in draft.meaning[:MAX_CHANGES]:
        words.verbatim("\n").code(shown(change, 200))
    if len(draft.meaning) > MAX_CHANGES:
        more = len(draft.meaning) - MAX_CHANGES
        words.line("and {count} more: dispatchctl policy proposals", count=number(more))
    for warning in draft.warnings[:MAX_WARNINGS]:
        words.verbatim("\n⚠ ").verbatim(shown(warning, 300))
    return words.line(
        "Until {time} · policy {policy} · {digest}",
        time=TimeOfDay(proposal.expires_at),
        policy=draft.policy_sha256[:8],
        digest=proposal.digest[:8],
    )


def _lines(proposal: Proposal) -> list[str]:
    draft = proposal.draft
    return [f"- {line}" for line in draft.removed] + [f"+ {line}" for line in draft.added]


def _either(names: Sequence[UserName]) -> Value:
    whole: Value = names[0]
    for name in names[1:]:
        whole = phrase("{before} or {next}", before=whole, next=name)
    return whole


def no_such_proposal() -> Reply:
    return say("There is no such proposal any more.")


def not_the_second(proposal: Proposal) -> Reply:
    return say(
        "You proposed this yourself: somebody else confirms it, or the host: {command}",
        command=f"dispatchctl policy accept {proposal.id}",
    )


def proposal_changed() -> Reply:
    return say("Nothing was done: this proposal is not what was recorded. Look at the log.")


def policy_is_broken() -> Reply:
    return say("Not now: the policy files have a mistake. The host must mend it: /status")


def asked_again() -> Reply:
    return say("The policy was changed meanwhile, so it is asked again, with what it means now.")


def proposal_settled(proposal: Proposal) -> Reply:
    """One sentence, for who answers and for who proposed it."""
    wish = Words().code(shown(str(proposal.wish), 120)).verbatim(": ")
    return wish.plain(_ended(proposal)).reply()


def proposal_ended(proposal: Proposal) -> Reply:
    """Takes the place of the question: it stays readable, and has no buttons any more."""
    return _proposal(proposal).verbatim("\n→ ").bold(_ended(proposal)).reply()


def _ended(proposal: Proposal) -> Phrase:
    values: dict[str, Value] = {
        "user": proposal.answered_by,
        "reason": shown(proposal.reason, 200),
    }
    match proposal.state:
        case ProposalState.ACCEPTED | ProposalState.APPLIED:
            return phrase("confirmed by {user}. It holds now.", **values)
        case ProposalState.REFUSED if proposal.reason:
            return phrase("refused by {user}: {reason}", **values)
        case ProposalState.REFUSED:
            return phrase("refused by {user}. Nothing was changed.", **values)
        case ProposalState.LAPSED:
            return phrase("nobody confirmed it in time. Nothing was changed.", **values)
        case ProposalState.OUTDATED:
            return phrase("the policy was changed meanwhile; it is asked again.", **values)
        case ProposalState.FAILED:
            return phrase("nothing was changed: {reason}", **values)
        case ProposalState.PENDING:
            return phrase("waits for an answer.", **values)


# --- /lockdown


def really_lock_down(lockdown: Lockdown) -> Reply:
    words = (
        Words()
        .bold("Lock down?")
        .line(
            "Every job is interrupted, every command and tool call is refused, until somebody at "
            "the host lifts it."
        )
    )
    button = Button(phrase("Lock down now"), locking(lockdown.id), ButtonKind.DENY)
    return words.reply([button])


def lockdown_question_is_old() -> Reply:
    return say("That was asked too long ago. Once more: /lockdown")


def locked_down(lockdown: Lockdown) -> Reply:
    words = Words().bold("Locked down").plain(" by {user}.", user=lockdown.by)
    if lockdown.why:
        words.verbatim("\n").quote(shown(lockdown.why, 200))
    words.line("Jobs are interrupted, everything is refused. /status and /audit still answer you.")
    return words.line("On the host: ").code("dispatchctl lockdown lift").reply()


def all_is_stopped() -> Reply:
    return say("Everything is stopped.")


def lockdown_lifted(lockdown: Lockdown) -> Reply:
    return (
        Words()
        .bold("Lockdown lifted")
        .plain(" by {user}, at the host.", user=lockdown.lifted_by)
        .line("What waited goes on; /resume takes up what was interrupted.")
        .reply()
    )


# --- /audit


_SIGNS = {"allowed": "✓", "succeeded": "✓", "denied": "✗", "failed": "✗", "cancelled": "·"}


def audit(page: Excerpt, shown_page: ShowAudit, now: Millis) -> Reply:
    words = Words().bold("Log").verbatim(" · ")
    words.plain(plural(page.size, "{count} record", "{count} records"))
    words.plain(" · signed ✓")
    words.verbatim(" · ").plain(_anchored(page, now))
    for line in page.lines:
        sign = "✉" if line.kind == "message.received" else _SIGNS.get(line.outcome, "·")
        words.line("{time}", time=TimeOfDay(Millis(line.at)))
        words.verbatim(f" {sign} {shown(line.who, 10)} {shown(_what(line), 26)}")
    if not page.lines:
        words.line("Nothing like that among the records looked at.")
    if page.first <= 1:
        return words.reply()
    return words.reply([Button(phrase("Earlier"), earlier(shown_page, page.first))])


def _what(line: LogLine) -> str:
    """What was asked or said; of everything else what it is, too."""
    is_said = line.kind.startswith(("request.", "message.")) and line.what
    return line.what if is_said else f"{line.kind} {line.what}"


def _anchored(page: Excerpt, now: Millis) -> Phrase:
    if not page.anchored:
        return phrase("⚠ no checkpoint is kept elsewhere")
    behind = age(now - page.anchored_at)
    return phrase("{count} kept elsewhere, {age}", count=number(page.anchored), age=behind)


def audit_is_not_to_be_read(why: str) -> Reply:
    return Words().plain("⚠ The log cannot be shown: ").verbatim(shown(why, 300)).reply()
