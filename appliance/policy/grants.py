"""The one file of rules that the daemon itself writes: what people granted from their phones.

It lies in the daemon's own state directory, because /etc is root's. Whoever takes the daemon over
can write it, so what may stand in it is bounded here, and checked at every load:

    g, bob, developer                              a role of the other files that has no admin acts
    g, bob, for-bob                                what bob alone was granted, in his own role:
    p, for-bob, demo, chat, /deploy staging, allow     commands by their names
    p, for-bob, demo, read, **, allow                  files of one project to read
    p, for-bob, demo, bash, **, approve, by=owner fallback    what somebody else is asked about
    p, for-bob, *, chat, /deploy **, deny              a denial, which wins over every other file

Never admin acts, no role of several people, no program or file to write without being asked. Since
the strictest rule wins, no line here can loosen a denial, or a question that is no fallback, of
the other files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from appliance.core.model import Act
from appliance.policy.fields import Line, said_in
from appliance.policy.rules import EVERYBODY, Grant, Names

GRANTS = "grants.csv"
MAX_LINES = 200
MAX_BYTES = 64_000
OWNER = "owner"

RESERVED = frozenset(
    (
        *("approve", "deny", "grant", "revoke", "audit", "users", "lockdown"),
        *("pair", "unpair", "start", "help"),
    )
)
"""Commands that no grant is about: who may grant could grant himself the rest."""

HEADER = "# Granted from phones, each line by two people. dispatchctl policy grants tells more.\n"

_OWN = "for-"
_COMMAND = re.compile(r"/[a-z][a-z0-9_-]{0,31}")
_WORD = re.compile(r"[A-Za-z0-9._/@:+=-]{1,100}")
_ASKED = frozenset((Act.BASH.value, Act.WRITE.value, Act.WEB.value))


def own_role(user: str) -> str:
    """The role that only this user has, and only by the grants."""
    return f"{_OWN}{user}"


def check(
    granted: Sequence[Line], others: Sequence[Line], grants: Sequence[Grant], names: Names
) -> None:
    """Notes in the lines what may not stand in this file. `others` are those of all other files."""
    high = _high_roles(others, grants)
    elsewhere = {field for line in others if line.kind in "gp" for field in line.fields[1:3]}
    for number, line in enumerate(granted):
        if number >= MAX_LINES:
            line.wrong(f"more than {MAX_LINES} lines were granted; move some into {_FILES}")
            return
        for field, what in _wrong(line, high, elsewhere, names):
            line.wrong(f"{what}; {_INSTEAD}", field)


_FILES = "the policy's own files"
_INSTEAD = f"only the host can write that, into {_FILES}"


def _wrong(
    line: Line, high: Collection[str], elsewhere: Collection[str], names: Names
) -> Iterable[tuple[int, str]]:
    match line.kind:
        case "g":
            _, member, role = line.fields
            if member not in names.users:
                yield 1, "only a user can be granted something here"
            elif role.startswith(_OWN) and role != own_role(member):
                yield 2, f'"{role}" is the role of somebody else'
            elif role in high:
                yield 2, f'the role "{role}" looks after the appliance'
            if role.startswith(_OWN) and role in elsewhere:
                yield 2, f'"{role}" is spoken of in another file'
        case "p":
            role = line.fields[1]
            if role.removeprefix(_OWN) not in names.users or not role.startswith(_OWN):
                yield 1, "a rule here is for one user alone, such as for-bob"
            yield from _wrong_rule(line, names)
        case _:
            yield 0, "there are only g and p lines here"


def _wrong_rule(line: Line, names: Names) -> Iterable[tuple[int, str]]:
    _, _, where, act, pattern, effect, *column = line.fields
    if where != EVERYBODY and where not in names.projects:
        yield 2, "a project is granted by its name"
    if act == Act.CHAT:
        if not is_command(pattern) and not (effect == "deny" and pattern == "**"):
            yield 4, "a command is granted by its name"
        elif effect != "deny" and not RESERVED.isdisjoint(_names_of(pattern)):
            yield 4, f'"{pattern}" is not for granting'
    elif act == Act.READ:
        if where == EVERYBODY or pattern.startswith("/"):
            yield 2, "files are granted in one project"
        if effect == "deny":
            yield 5, "only commands are denied here"
    elif act == Act.TOOL:
        if effect != "allow" or "*" in pattern:
            yield 4, "a tool is granted by its name"
    elif act in _ASKED:
        words = " ".join(column).split()
        is_asked = effect == "approve" and "fallback" in words and "by=" in " ".join(words)
        if not is_asked or where == EVERYBODY:
            yield 5, f"{act} is granted in one project only: approve, with by= and fallback"
    else:
        yield 3, f'the act "{act}" is not for granting'


def is_command(pattern: str) -> bool:
    """Whether a pattern names commands: "/deploy staging", "/run|/ask **"."""
    first, *others = pattern.split(" ")
    if others[-1:] == ["**"]:
        others.pop()
    return all(map(_COMMAND.fullmatch, first.split("|"))) and all(map(_WORD.fullmatch, others))


def _names_of(pattern: str) -> set[str]:
    return {word.removeprefix("/") for word in pattern.split(" ")[0].split("|")}


def _high_roles(others: Iterable[Line], grants: Sequence[Grant]) -> frozenset[str]:
    """The roles that look after the appliance, themselves or by a role that they have."""
    high = {OWNER} | {
        line.fields[1]
        for line in others
        if line.kind == "p" and line.fields[3] == Act.ADMIN and line.fields[5] != "deny"
    }
    while more := {grant.member for grant in grants if grant.role in high} - high:
        high |= more
    return frozenset(high)


# --- the file as text


def said(text: str) -> tuple[str, ...]:
    """What a file of grants says, without comments."""
    return tuple(line for raw in text.split("\n") if (line := said_in(raw)))


def changed(text: str, added: Sequence[str], removed: Collection[str], because: str = "") -> str:
    """The file with lines added and removed. Doing it twice is doing it once.

    `because` becomes the comment of what is added. An own role goes with its last rule.
    """
    kept = [raw for raw in text.split("\n") if said_in(raw) and said_in(raw) not in removed]
    there = {said_in(raw) for raw in kept}
    comment = f"  # {because}" if because else ""
    kept += [f"{line}{comment}" for line in dict.fromkeys(added) if line not in there]
    used = {line.split(", ")[1] for raw in kept if (line := said_in(raw)).startswith("p, ")}
    kept = [raw for raw in kept if not _is_unused(said_in(raw), used)]
    return HEADER + "".join(f"{raw}\n" for raw in kept) if kept else ""


def _is_unused(line: str, used: Collection[str]) -> bool:
    role = line.rpartition(", ")[2]
    return line.startswith("g, ") and role.startswith(_OWN) and role not in used
