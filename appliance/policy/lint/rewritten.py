"""One line that names what is judged by another name: `python -m pytest` is judged as `pytest`.

Texts that the pattern covers are read like any line (see `shell`) or command of a chat. When what
is judged then is covered by the pattern for none of them, the rule is a false hope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from posixpath import join

from appliance.core.commands import BUILTINS, Mistake
from appliance.core.model import Act
from appliance.core.parsing import parse
from appliance.core.requests import words_of
from appliance.policy import shell
from appliance.policy.atoms import Unclear
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import EVERYTHING, WORD_GAP, matches
from appliance.policy.rules import Effect, PolicyRule

MAX_EXAMPLES = 40
_ANY = ("x", "1")
"""What may stand for a `*`: a word, and a number, which is what `timeout` wants."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A text, and the objects that it is judged as; or why nothing can allow it."""

    text: str
    objects: tuple[str, ...] = ()
    why: Unclear | None = None


def find(policy: LoadedPolicy) -> Iterator[Finding]:
    """Rules for commands that match nothing, and permissions for what is never understood."""
    for rule in policy.engine.rules:
        if rule.act is Act.BASH and not _is_plain(rule.pattern):
            yield from _judged(rule, _as_line)
        elif rule.act is Act.CHAT:
            yield from _judged(rule, _as_command)


def _judged(rule: PolicyRule, read: Callable[[str], _Read]) -> Iterator[Finding]:
    understood: list[_Read] = []
    not_understood: list[Unclear] = []
    for one in map(read, _examples(rule.pattern)):
        if any(matches(rule.act, obj, rule.pattern) for obj in one.objects):
            return
        if one.why is None:
            understood.append(one)
        else:
            not_understood.append(one.why)
    if understood:
        yield _never_matches(rule, understood[0])
    elif not_understood and rule.effect is Effect.ALLOW:  # others may speak of such a line
        yield Finding(
            Kind.UNREACHABLE, rule.rule, None,
            f"it never allows anything: {not_understood[-1].note}",
            "name the program that is run, or write approve instead of allow",
        )  # fmt: skip


def _never_matches(rule: PolicyRule, example: _Read) -> Finding:
    judged_as = " and ".join(f'"{obj}"' for obj in example.objects) or "no command"
    return Finding(
        Kind.UNREACHABLE, rule.rule, None,
        f'it never matches: "{example.text}" is judged as {judged_as}',
        "write the rule for what is judged",
    )  # fmt: skip


def _examples(pattern: str) -> list[str]:
    """Texts that the pattern covers, with each of its alternatives; most without more words."""
    words = pattern.split(WORD_GAP)
    ends: tuple[str, ...] = ("",)
    if words[-1] == EVERYTHING:
        words, ends = words[:-1], ("", *(f" {word}" for word in _ANY))
    filled = (
        list(product(*(word.replace("*", any_).split("|") for word in words))) for any_ in _ANY
    )
    texts = (WORD_GAP.join(chosen) + end for some in filled for end in ends for chosen in some)
    return list(islice(dict.fromkeys(texts), MAX_EXAMPLES))


# --- shell lines


_NO_SHELL_SIGNS = re.compile(r"[A-Za-z0-9_./:@%+,*| -]+")


def _is_plain(pattern: str) -> bool:
    """Whether the pattern is for what a line says: nothing is quoted, unwrapped or left out.

    Without looking at it in detail, since most patterns are and there may be thousands: a
    program that is no other by itself becomes one by its options only.
    """
    program, *others = pattern.split(WORD_GAP)
    return (
        _NO_SHELL_SIGNS.fullmatch(pattern) is not None
        and not any(word.startswith("-") for word in others)
        and all(map(_is_itself, program.split("|")))
    )


@lru_cache(maxsize=4_096)
def _is_itself(program: str) -> bool:
    text = f"{program.replace('*', 'x')} x"
    return _as_line(text).objects == (text,)


def _as_line(text: str) -> _Read:
    try:
        steps = shell.steps(shell.read(text), "/", lambda path, directory: join(directory, path))
    except Unclear as why:
        return _Read(text, why=why)
    for step in steps:
        if isinstance(step.run, Unclear):
            return _Read(text, why=step.run)
    runs = (step.run for step in steps if isinstance(step.run, shell.Unwrapped))
    return _Read(text, tuple(WORD_GAP.join(run.words) for run in runs))


# --- commands of a chat


_BUILTINS = frozenset(f"/{builtin.word}" for builtin in BUILTINS) | {"/start"}


def _as_command(text: str) -> _Read:
    """A builtin is judged by its name; what is behind it is for the agent."""
    command = parse(text, ()) if text.split(WORD_GAP)[0] in _BUILTINS else None
    if command is None or isinstance(command, Mistake):
        return _Read(text, (text,))
    return _Read(text, (words_of(command),))
