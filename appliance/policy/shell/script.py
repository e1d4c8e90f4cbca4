"""A line as we understand it, and the text that means just that in bash and zsh."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*")
"""Without a leading "=", which zsh expands."""

LOOP_VARIABLE = "each"
"""A name of ours: the agent's could mean something to the shell, such as `path` in zsh."""


class Glob(str):
    """A word that the shell replaces by names of files; `pattern` is how it is written."""

    pattern: str

    @classmethod
    def of(cls, value: str, pattern: str) -> Glob:
        glob = cls(value)
        glob.pattern = pattern
        return glob


class Late(str):
    """A word known only when it runs, as `written`: with `$?` in it, or with what the scripts
    in `inner` print, or with the name of a file that a loop is at."""

    written: str
    inner: tuple[Sequence, ...]

    @classmethod
    def of(cls, value: str, written: str, inner: tuple[Sequence, ...] = ()) -> Late:
        late = cls(value)
        late.written, late.inner = written, inner
        return late


def quoted(word: str) -> str:
    """The word as a shell reads it back."""
    if isinstance(word, Glob):
        # a name found by it must not pass for an option
        return word.pattern if word[0] not in "*?[" else f"./{word.pattern}"
    if isinstance(word, Late):
        return word.written
    if _NEEDS_NO_QUOTES.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


@dataclass(frozen=True, slots=True)
class Redirect:
    """`operator` is one of < > >> >| &> &>>, or <<< (a text), or >& (a descriptor)."""

    descriptor: str
    operator: str
    target: str

    @property
    def text(self) -> str:
        gap = "" if self.operator == ">&" else " "
        return f"{self.descriptor}{self.operator}{gap}{quoted(self.target)}"


def _with_redirects(text: str, redirects: Iterable[Redirect]) -> str:
    return " ".join((text, *(redirect.text for redirect in redirects)))


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command. `settings` are variables set for it alone."""

    words: tuple[str, ...]
    redirects: tuple[Redirect, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        settings = [f"{name}={quoted(value)}" for name, value in self.settings]
        words = map(quoted, _from_here(self.words))
        return _with_redirects(" ".join((*settings, *words)), self.redirects)


def _from_here(words: tuple[str, ...]) -> tuple[str, ...]:
    """`cd x` as `cd ./x`, so that CDPATH has no say; with "..", links are followed first."""
    if words[0] != "cd":
        return words
    target = words[-1]
    if not target.startswith(("/", "./", "../")) and target not in (".", ".."):
        target = f"./{target}"
    return ("cd", "-P", target) if ".." in target.split("/") else ("cd", target)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other, whatever comes of it. Empty after assignments only."""

    parts: tuple[Node, ...]

    @property
    def text(self) -> str:
        return "; ".join(part.text for part in self.parts) or "true"


@dataclass(frozen=True, slots=True)
class AndOr:
    """`rest` are && or || with what stands behind them."""

    first: Node
    rest: tuple[tuple[str, Node], ...]

    @property
    def text(self) -> str:
        rest = (f"{operator} {_in_list(node)}" for operator, node in self.rest)
        return " ".join((_in_list(self.first), *rest))


@dataclass(frozen=True, slots=True)
class Pipeline:
    parts: tuple[Node, ...]

    @property
    def text(self) -> str:
        return " | ".join(map(_in_pipeline, self.parts))


@dataclass(frozen=True, slots=True)
class Not:
    body: Node

    @property
    def text(self) -> str:
        body = self.body.text
        return f"! {_braces(body) if isinstance(self.body, Sequence | AndOr | Not) else body}"


@dataclass(frozen=True, slots=True)
class Block:
    """`( … )` when `is_subshell`, else `{ …; }`."""

    body: Node
    is_subshell: bool
    redirects: tuple[Redirect, ...] = ()

    @property
    def text(self) -> str:
        text = self.body.text
        gap = " " if text.startswith("(") else ""  # "((" is arithmetic
        body = f"({gap}{text})" if self.is_subshell else _braces(text)
        return _with_redirects(body, self.redirects)


@dataclass(frozen=True, slots=True)
class If:
    condition: Node
    then: Node
    otherwise: Node | None = None
    redirects: tuple[Redirect, ...] = ()

    @property
    def text(self) -> str:
        otherwise = f" else {self.otherwise.text};" if self.otherwise else ""
        body = f"if {self.condition.text}; then {self.then.text};{otherwise} fi"
        return _with_redirects(body, self.redirects)


@dataclass(frozen=True, slots=True)
class Loop:
    """`for` over names of files. `rounds` are its body with each of the words."""

    words: tuple[str, ...]
    body: Sequence
    rounds: tuple[Sequence, ...]
    redirects: tuple[Redirect, ...] = ()

    @property
    def text(self) -> str:
        words = " ".join(map(quoted, self.words))
        body = f"for {LOOP_VARIABLE} in {words}; do {self.body.text}; done"
        return _with_redirects(body, self.redirects)


Node = Command | Sequence | AndOr | Pipeline | Not | Block | If | Loop


def _in_list(node: Node) -> str:
    return _braces(node.text) if isinstance(node, Sequence | AndOr) else node.text


def _in_pipeline(node: Node) -> str:
    plain = isinstance(node, Command | Block | If | Loop)
    return node.text if plain else _braces(node.text)


def _braces(text: str) -> str:
    return f"{{ {text}; }}"


def redirected(node: Node, redirects: tuple[Redirect, ...]) -> Node:
    """The node with redirections behind it: in a list they belong to its last command."""
    match node:
        case Command() | Block() | If() | Loop():
            return replace(node, redirects=node.redirects + redirects)
        case Not(body):
            return Not(redirected(body, redirects))
        case Sequence(parts) | Pipeline(parts):
            return replace(node, parts=(*parts[:-1], redirected(parts[-1], redirects)))
        case AndOr(first, rest):
            operator, last = rest[-1]
            return AndOr(first, (*rest[:-1], (operator, redirected(last, redirects))))


@dataclass(frozen=True, slots=True)
class Script:
    """A whole line."""

    body: Sequence

    @property
    def text(self) -> str:
        """The line that runs what was judged; read again, it is the same script."""
        return "\n".join(part.text for part in self.body.parts) or "true"
