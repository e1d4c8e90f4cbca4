"""What one person may grant another from a phone, in few words, as lines of the grants file.

    bob developer          the role, wherever its rules hold
    bob /deploy staging    the command; "in demo": only there
    bob demo               to work in the project: files are read, everything else asks an owner

What is taken away is taken out of the file. Where it stands in root's files, a command or a
project is denied instead, because denials win; a role only the host can take away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from appliance.core import recipes as recipe_book
from appliance.core.commands import BUILTINS
from appliance.core.model import (
    Act,
    Allowed,
    CommandRequest,
    Decision,
    Denied,
    Platform,
    ProjectName,
    UserName,
)
from appliance.core.proposals import Wish
from appliance.core.toml import nearest
from appliance.errors import PolicyError
from appliance.policy.grants import OWNER, RESERVED, is_command, own_role
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.rules import EVERYBODY, Effect, Grant
from appliance.policy.sources import hidden_in

_IN_PROJECT = (
    "chat, /run|/ask|/stop|/resume|/new|/project|/status|/jobs|/why **, allow",
    "read, **, allow",
    "tool, TodoWrite|TaskCreate|TaskUpdate|TaskGet|TaskList|TaskOutput|TaskStop, allow",
    "write, **, approve, by=owner fallback",
    "bash, **, approve, by=owner fallback",
)
"""To work in a project without being trusted with it."""

_NO_COMMA = re.compile(r'[,#"\'\n]')


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to be added to the grants, and taken out of them."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def lines_for(wish: Wish, policy: LoadedPolicy, granted: Sequence[str]) -> Lines:
    """What has to change. `granted` is what the file says now.

    Raises PolicyError, in one sentence for who wished it, when it cannot be done from a phone.
    """
    for said in (wish.who, wish.what, wish.project):
        if hidden_in(said) or _NO_COMMA.search(said):
            raise PolicyError("Write plain names, without commas, quotes or line breaks.")
    user = _user(wish.who, policy)
    if wish.project and wish.project not in policy.names.projects:
        raise _unknown("project", wish.project, policy.names.projects)
    if wish.what.startswith("/"):
        return _command(wish, user, policy, granted)
    kind, what = _kind_of(wish.what, policy)
    if wish.project:
        raise PolicyError(f"Leave out “in {wish.project}”: only a command is granted in a project.")
    if kind == "project":
        return _project(what, wish, user, policy, granted)
    return _role(what, wish, user, policy, granted)


def _user(name: str, policy: LoadedPolicy) -> UserName:
    if name not in policy.names.users:
        raise _unknown("user", name, policy.names.users)
    return UserName(name)


def _kind_of(what: str, policy: LoadedPolicy) -> tuple[str, str]:
    """ "role" or "project", and its name; people may say which they mean."""
    word, _, name = what.rpartition(" ")
    if word not in ("", "role", "project"):
        raise PolicyError(f"“{what}” is no role, command or project. A command begins with “/”.")
    roles, projects = roles_of(policy), list[str](policy.names.projects)
    if word != "project" and name in roles:
        return "role", name
    if word != "role" and name in projects:
        return "project", name
    known = {"role": [*roles], "project": [*projects]}
    raise _unknown(word or "role or project", name, known.get(word, [*roles, *projects]))


def roles_of(policy: LoadedPolicy) -> frozenset[str]:
    """The roles of root's files."""
    known = policy.names.roles | {rule.role for rule in policy.engine.rules}
    own = {own_role(user) for user in policy.names.users}
    return frozenset(known - own - {EVERYBODY})


def _unknown(kind: str, name: str, known: Collection[str]) -> PolicyError:
    near = nearest(name, known).replace('"', "“", 1).replace('"', "”", 1)
    there = near or f"; there is {', '.join(sorted(known)) or 'none'}."
    return PolicyError(f"There is no {kind} called “{name}”{there}")


# --- a role


def _role(
    role: str, wish: Wish, user: UserName, policy: LoadedPolicy, granted: Sequence[str]
) -> Lines:
    line = f"g, {user}, {role}"
    has = role in policy.roles(user)
    if wish.is_grant:
        if has:
            raise PolicyError(f"{user} is {role} already ({_source(user, role, policy)}).")
        if role in _high_roles(policy):
            raise PolicyError(
                f"The role {role} looks after the appliance: only the host can give it, with the "
                f"line “{line}” in a policy file."
            )
        return Lines(added=(line,))
    if line in granted:
        return Lines(removed=(line,))
    if not has:
        raise PolicyError(f"{user} is not {role}{nearest(role, policy.roles(user)) or '.'}")
    raise PolicyError(
        f"That {user} is {role} stands in {_source(user, role, policy)}: only the host can take it "
        "away, there."
    )


def _high_roles(policy: LoadedPolicy) -> frozenset[str]:
    """The roles of which `grants.check` would say the same."""
    admin = {OWNER} | {
        rule.role
        for rule in policy.engine.rules
        if rule.act is Act.ADMIN and rule.effect is not Effect.DENY
    }
    return frozenset(role for role in roles_of(policy) if policy.engine.roles_above(role) & admin)


def _source(user: UserName, role: str, policy: LoadedPolicy) -> str:
    """Where it stands that a user has a role, himself or by another role."""

    def gives(grant: Grant) -> bool:
        return grant.member == user and role in policy.engine.roles_above(grant.role)

    direct = [grant for grant in policy.grants if gives(grant)]
    direct.sort(key=lambda grant: grant.role != role)
    return str(direct[0].rule)


# --- a command


def _command(wish: Wish, user: UserName, policy: LoadedPolicy, granted: Sequence[str]) -> Lines:
    pattern = _pattern(wish.what, policy)
    where = wish.project or EVERYBODY
    allow, deny = (f"p, {own_role(user)}, {where}, chat, {pattern}, {e}" for e in ("allow", "deny"))
    if wish.is_grant:
        removed = (deny,) if deny in granted else ()
        if not removed:
            _require_use(user, pattern, wish.project, policy)
        return _beside(user, granted, (allow,), removed)
    removed = (allow,) if allow in granted else ()
    others = [text for text in _allowing(user, pattern, where, policy) if text != allow]
    if not removed and not others:
        raise PolicyError(f"{user} may not {wish.what} as it is.")
    return _beside(user, granted, (deny,) if others else (), removed)


def _pattern(what: str, policy: LoadedPolicy) -> str:
    """ "/deploy" with whatever follows, or "/deploy staging" alone."""
    words = what.removeprefix("/").split()
    builtins = [builtin.word for builtin in BUILTINS]
    known = [*builtins, *(recipe.name for recipe in policy.recipes())]
    if words and words[0] in RESERVED:
        raise PolicyError(f"/{words[0]} is not granted from a phone; the host can, in its files.")
    if words and words[0] in builtins:
        pattern = " ".join(words)
        is_whole = len(words) == 1
    else:
        found = recipe_book.find(policy.recipes(), words)
        if found is None:
            raise _unknown("command", f"/{' '.join(words)}", [f"/{name}" for name in known])
        recipe, arguments = found
        pattern = " ".join((recipe.name, *arguments))
        is_whole = not arguments
    pattern = f"/{pattern}{' **' if is_whole else ''}"
    if not is_command(pattern):
        raise PolicyError("Write the command as it is used, without * and |.")
    return pattern


def _require_use(user: UserName, pattern: str, project: str, policy: LoadedPolicy) -> None:
    """A grant that changes nothing is refused, with the rule why."""
    said = [_decision(user, pattern, name, policy) for name in _projects(project, policy)]
    if said and all(isinstance(one, Allowed) for one in said):
        raise PolicyError(f"{user} may do that already ({said[0].rule}).")
    for one in said:
        if isinstance(one, Denied) and one.rule is not None:
            raise PolicyError(
                f"{one.rule} denies it, and a denial wins: only the host can change that, there."
            )


def _projects(project: str, policy: LoadedPolicy) -> list[ProjectName]:
    return [ProjectName(project)] if project else sorted(policy.names.projects)


def _decision(user: UserName, pattern: str, project: ProjectName, policy: LoadedPolicy) -> Decision:
    words = pattern.removesuffix(" **")
    return policy.decide(CommandRequest(user, project, words, Platform.TELEGRAM))


def _allowing(user: UserName, pattern: str, where: str, policy: LoadedPolicy) -> Iterator[str]:
    """The lines by which the user may do it, or ask for it, anywhere there."""
    project = "" if where == EVERYBODY else where
    for name in _projects(project, policy):
        decision = _decision(user, pattern, name, policy)
        if not isinstance(decision, Denied):
            yield decision.rule.text


# --- a project


def _project(
    project: str, wish: Wish, user: UserName, policy: LoadedPolicy, granted: Sequence[str]
) -> Lines:
    role = own_role(user)
    given = tuple(f"p, {role}, {project}, {rest}" for rest in _IN_PROJECT)
    closed = f"p, {role}, {project}, chat, **, deny"
    if wish.is_grant:
        if closed not in granted and set(given) <= set(granted):
            raise PolicyError(f"{user} works in {project} already.")
        if not any(policy.engine.roles_of(name) & {OWNER} for name in policy.names.users):
            raise PolicyError("Nobody is owner, so nobody could be asked what the agent may do.")
        removed = (closed,) if closed in granted else ()
        return _beside(user, granted, () if removed else given, removed)
    taken = tuple(line for line in granted if line.startswith(f"p, {role}, {project}, "))
    elsewhere = [
        rule
        for rule in policy.engine.rules
        if rule.role in {*policy.roles(user), EVERYBODY} - {role}
        and rule.effect is not Effect.DENY
        and rule.act == "chat"
        and rule.where in ("*", f"{policy.names.projects[ProjectName(project)]}/**")
    ]
    if closed in granted or not (taken or elsewhere):
        raise PolicyError(f"{user} does not work in {project} as it is.")
    return _beside(user, granted, (closed,) if elsewhere else (), taken)


def _beside(
    user: UserName, granted: Sequence[str], added: Sequence[str], removed: Sequence[str]
) -> Lines:
    """The lines, with the one that gives the user his own role where it is not there yet.

    It is taken away again with the last line that needs it.
    """
    role = own_role(user)
    member = f"g, {user}, {role}"
    new = tuple(line for line in added if line not in granted)
    left = [line for line in granted if line.startswith(f"p, {role}, ") and line not in removed]
    if new and member not in granted:
        return Lines((member, *new), tuple(removed))
    if not new and not left and member in granted:
        return Lines((), (*removed, member))
    return Lines(new, tuple(removed))
