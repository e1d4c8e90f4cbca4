"""A loaded policy: what the rest of the appliance calls. Immutable; a reload makes another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.core.model import (
    Act,
    AdminRequest,
    Allowed,
    Asks,
    CommandRequest,
    Decision,
    Denied,
    Platform,
    ProjectName,
    Quota,
    Recipe,
    Request,
    RuleRate,
    ToolCall,
    ToolRequest,
    UserName,
)
from appliance.policy import tools
from appliance.policy.atoms import Atom, Care, Unclear, of_words, unclear
from appliance.policy.engine import Engine, Finding
from appliance.policy.interpreters import runs_what_it_reads
from appliance.policy.paths import Guard, Place, as_kept, is_within
from appliance.policy.patterns import is_exact
from appliance.policy.quotas import RoleQuota, of_user
from appliance.policy.rules import Effect, Grant, Names, PolicyRule
from appliance.policy.sources import hidden_in
from appliance.policy.trials import Trial

OWNER = "owner"
"""The role that may approve for others where a rule names nobody."""

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """An atom with what the rules say to it."""

    atom: Atom
    finding: Finding


class LoadedPolicy:
    """Implements the port `Policy`. `sha256` is that of all its files together."""

    def __init__(
        self,
        *,
        engine: Engine,
        names: Names,
        guard: Guard,
        commands: tuple[Recipe, ...],
        sha256: str,
        quotas: tuple[RoleQuota, ...] = (),
        trials: tuple[Trial, ...] = (),
        grants: tuple[Grant, ...] = (),
    ) -> None:
        self.engine = engine
        self.sha256 = sha256
        self.names = names
        self._guard = guard
        self._commands = commands
        self._quotas = quotas
        self.trials = trials
        self.grants = grants

    @property
    def rules(self) -> int:
        """How many rules there are, as lines that people wrote."""
        return len({rule.rule for rule in self.engine.rules})

    def recipes(self) -> tuple[Recipe, ...]:
        return self._commands

    def roles(self, user: UserName) -> tuple[str, ...]:
        return tuple(sorted(self.engine.roles_of(user)))

    def quotas(self, user: UserName, project: ProjectName | None) -> tuple[Quota, ...]:
        """How much the user may use there; all of them hold."""
        return of_user(self._quotas, self.engine.roles_of(user), project)

    # --- decisions

    def decide(self, request: Request) -> Decision:
        """The strictest answer over everything the request asks for. Touches no file's content."""
        return self.decide_on(request, self.judge(request))

    def decide_on(self, request: Request, judged: list[Judged] | Denied) -> Decision:
        """The same for a request that is judged already."""
        if request.user not in self.names.users:
            return Denied(None, f'no user is called "{request.user}"; users are in dispatch.toml')
        if isinstance(judged, Denied):
            return judged
        return self._strictest(request, judged)

    def as_run(self, call: ToolCall) -> ToolCall:
        """A shell line in our own words (see `shell`); every other call as it is."""
        return replace(call, input=tools.as_run(call.tool, call.input))

    def judge(self, request: Request) -> list[Judged] | Denied:
        """Every atom of the request with its rules, or why it has no atoms."""
        directory = self._directory(request)
        if isinstance(directory, Denied):
            return directory
        return [
            Judged(
                atom,
                self.engine.judge(
                    request.user, atom.directory or directory, atom, request.at, request.via
                ),
            )
            for atom in self._atoms(request, directory)
        ]

    def silent(self, request: Request, atom: Atom) -> tuple[PolicyRule, ...]:
        """The rules that would speak of one of the request's atoms at another time, or chat."""
        where = self._directory(request)
        if isinstance(where, Denied):
            return ()
        return self.engine.silent(
            request.user, atom.directory or where, atom, request.at, request.via
        )

    def _directory(self, request: Request) -> str | Denied:
        """Where the request happens: a directory of its project, "" for no project."""
        if isinstance(request, AdminRequest) or request.project is None:
            return ""
        root = self.names.projects.get(request.project)
        if root is None:
            return Denied(None, f'no project is called "{request.project}"')
        if isinstance(request, CommandRequest):
            return root
        if hidden_in(request.cwd):
            return Denied(None, "the working directory's name has characters that do not show")
        try:
            cwd = os.path.realpath(request.cwd)
        except OSError:  # below another process's directory in /proc, for one
            return Denied(None, f"the working directory {request.cwd} cannot be resolved")
        if request.root != root or not is_within(cwd, root):
            return Denied(None, f"the working directory {cwd} is outside the project {root}")
        return cwd

    def _atoms(self, request: Request, directory: str) -> Sequence[Atom]:
        match request:
            case CommandRequest(words=words):
                return [_words(Act.CHAT, words, words.startswith("/"))]
            case AdminRequest(words=words):
                return [_words(Act.ADMIN, words, words[:1] not in ("", "/"))]
            case ToolRequest():
                root = self.names.projects[request.project]
                place = Place(root, directory, self._guard, _resolved(request.inbox))
                return list(dict.fromkeys(tools.atoms_of(request, place)))

    def _strictest(self, request: Request, judged: Sequence[Judged]) -> Decision:
        for effect in (Effect.DENY, Effect.CLOSED):  # a rule says more than none that allows
            for one in judged:
                if one.finding.effect is effect:
                    rule = one.finding.rules[0]
                    return Denied(rule.rule, _refusal(one.atom, rule), _says(rule))
        asks: list[tuple[Judged, PolicyRule]] = []
        for one in judged:
            match one.finding:
                case Finding(None, _):
                    return Denied(None, _refusal(one.atom), _nothing_allows(one.atom))
                case Finding(Effect.APPROVE | Effect.FALLBACK, rules):
                    asks += [(one, rule) for rule in rules]
                case _:
                    pass
        if asks:
            return self._answerable(request.user, self._asks(asks))
        allowing = [rule for one in judged for rule in one.finding.rules]
        return Allowed(allowing[0].rule, _rates(allowing))

    def _asks(self, asks: Sequence[tuple[Judged, PolicyRule]]) -> Asks | Denied:
        """One question for all: an approver who satisfies every rule, the shortest time."""
        groups = {rule.by for _, rule in asks if rule.by}
        by = tuple(
            role for role in sorted({r for g in groups for r in g}) if self._fits(role, groups)
        )
        if groups and not by:
            rules = ", ".join(dict.fromkeys(str(rule.rule) for _, rule in asks if rule.by))
            return Denied(
                None, f"no single person may approve all parts ({rules}); make one call for each"
            )
        one, rule = next(((j, r) for j, r in asks if r.by), asks[0])
        return Asks(
            rule.rule,
            by,
            min(rule.ttl_seconds for _, rule in asks),
            _question(one.atom, rule),
            people=max(rule.people for _, rule in asks),
            # a yes is remembered by its rule, so it can speak for one rule only
            job_wide=len({r.rule for _, r in asks}) == 1
            and all(_may_be_for_job(j.atom, r) for j, r in asks),
            rates=_rates([rule for _, rule in asks]),
            via=_places_in_common([rule.when.via for _, rule in asks if rule.when.via]),
        )

    def _answerable(self, requester: UserName, asks: Asks | Denied) -> Asks | Denied:
        """A question that too few may answer is refused at once, not when its time is over."""
        if isinstance(asks, Denied):
            return asks
        may = len(self.approvers(requester, asks))
        if may >= asks.people:
            return asks
        who = f" who is {' or '.join(asks.by)}" if asks.by else ""
        return Denied(
            asks.rule,
            f'"{asks.reason}" takes the approval of {asks.people} other than {requester}{who}, and '
            f"there is {may or 'nobody'}; an owner can give somebody that role",
        )

    def _fits(self, role: str, groups: set[tuple[str, ...]]) -> bool:
        roles = self.engine.roles_above(role)
        return all(not roles.isdisjoint(group) for group in groups)

    # --- approvals

    def may_approve(self, user: UserName, requester: UserName, asks: Asks) -> bool:
        """With `by`: whoever else has one of these roles. Without: the requester, or an owner.

        An automation never may.
        """
        if user not in self.names.users or user in self.names.automations:
            return False
        roles = self.engine.roles_of(user)
        if asks.by:
            return user != requester and not roles.isdisjoint(asks.by)
        return user == requester or OWNER in roles

    def approvers(self, requester: UserName, asks: Asks) -> tuple[UserName, ...]:
        return tuple(
            user for user in sorted(self.names.users) if self.may_approve(user, requester, asks)
        )


def _resolved(inbox: str) -> str:
    """As the paths are that are judged."""
    return as_kept(os.path.realpath(inbox)) if inbox else ""


def _words(act: Act, words: str, has_shape: bool) -> Atom:
    if hidden_in(words) or not has_shape or words != " ".join(words.split()):
        why = Unclear("a command that is not one plain line", "write one command in one line")
        return unclear(act, words, why)
    return of_words(act, words.split(" "))


def _may_be_for_job(atom: Atom, rule: PolicyRule) -> bool:
    """Whether one yes may stand for the next call, too: it is understood, and does what it says.

    Never for what was not reviewed, unless the rule names it exactly, and never for a program
    that runs what it reads: the file can be another one by then.
    """
    if not rule.job_wide or atom.care not in (Care.PLAIN, Care.EXACT):
        return False
    if atom.care is Care.EXACT and not is_exact(rule.act, rule.pattern):
        return False
    return atom.act is not Act.BASH or not runs_what_it_reads(atom.object.split(" ")[0])


def _places_in_common(chats: Sequence[frozenset[Platform]]) -> tuple[Platform, ...]:
    """The chats that every rule accepts. The request came from one of them, so there is one."""
    return tuple(sorted(frozenset.intersection(*chats))) if chats else ()


def _rates(rules: Sequence[PolicyRule]) -> tuple[RuleRate, ...]:
    """All of them hold, each of a line once."""
    rates = (RuleRate(rule.rule, rule.rate) for rule in rules if rule.rate is not None)
    return tuple(dict.fromkeys(rates))


# --- words for people and agents


def _refusal(atom: Atom, rule: PolicyRule | None = None) -> str:
    """One sentence: what is refused, why, and what to do instead."""
    if rule is not None:
        because, instead = _says(rule), _instead(atom.act)
    else:
        because = _nothing_allows(atom)
        instead = atom.instead or _instead(atom.act)
    if atom.act in (Act.CHAT, Act.ADMIN):  # read by the person who wrote it
        return f'"{_cut(atom.text)}": {because}; {instead}'
    return f'{_verb(atom.act)} "{_cut(atom.text)}" is refused ({because}); {instead}'


def _nothing_allows(atom: Atom) -> str:
    return "; ".join(filter(None, (atom.note, "no rule allows it")))


def _says(rule: PolicyRule) -> str:
    if rule.effect is Effect.APPROVE:
        return f"rule {rule.rule} asks for approval, but only {rule.when}"
    return f"rule {rule.rule} denies it"


def _question(atom: Atom, rule: PolicyRule) -> str:
    """What asks, and why where it is not because a rule says so in so many words."""
    is_explicit = rule.effect is Effect.APPROVE and atom.care is Care.EXACT
    return _cut(atom.text) if is_explicit or not atom.note else f"{_cut(atom.text)} ({atom.note})"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def _verb(act: Act) -> str:
    return _VERBS.get(act, "running")


_VERBS = {
    Act.READ: "reading",
    Act.WRITE: "writing",
    Act.WEB: "fetching from",
    Act.NET: "connecting to",
}


def _instead(act: Act) -> str:
    if act is Act.CHAT:
        return "/help lists what you may do"
    if act is Act.ADMIN:
        return "an owner may do it, or give you a rule for it"
    return "go on without it, or say in your answer that it is needed"
