"""A command line to the simple commands it runs; whatever is not plainly that is Unclear.

Understood are words of plain letters, '…', "…" without $ ` \\ !, and && || ; | and line breaks
between commands. Nothing is expanded, so what is judged is what runs. Everything else in a
shell line can run, hide or write something: redirections, substitutions, expansions, globs,
assignments, groups, loops, comments, backslashes, and words that change what later words mean.
"""

from __future__ import annotations

import re

from appliance.policy.atoms import Unclear
from appliance.policy.sources import hidden_in

MAX_LINE_CHARACTERS = 10_000

RESERVED = frozenset({
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
    "select", "function", "time", "coproc", "[[", "]]", "!", "{", "}",
})  # fmt: skip
CHANGES_MEANING = frozenset({
    # of later words: the directory, names, traps, options
    "cd", "pushd", "popd", "dirs", "eval", "source", ".", "exec", "export", "declare", "typeset",
    "local", "readonly", "unset", "set", "shopt", "alias", "unalias", "enable", "builtin",
    "command", "trap", "hash", "bind", "complete", "compgen", "compopt", "mapfile", "readarray",
    "read", "let", "umask", "ulimit", "exit", "return", "break", "continue", "shift", "getopts",
    "suspend", "fc", "history",
    # of the words behind them: these run as somebody else, elsewhere or otherwise
    "env", "sudo", "doas", "su", "runuser", "pkexec", "chroot", "nsenter", "unshare", "setpriv",
    "nohup", "nice", "ionice", "timeout", "setsid", "stdbuf", "xargs", "parallel", "watch",
    "script", "flock", "busybox",
})  # fmt: skip

Words = tuple[str, ...]

_GAP = re.compile(r"[ \t]+")
_SEPARATOR = re.compile(r"&&|\|\||;|\||\n")
_PLAIN = re.compile(r"[A-Za-z0-9_./=:@%+,^~-]+")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"([^"$`\\!]*)"')
_TILDE = re.compile(r"(?:^|[=:])~")
"""Where a shell would put somebody's home directory."""


def commands(line: str) -> tuple[Words, ...]:
    """The words of every simple command in the line, in order. Raises Unclear."""
    if len(line) > MAX_LINE_CHARACTERS:
        raise Unclear(f"a line of {len(line)} characters", "put the text into a file first")
    if hidden := hidden_in(line.replace("\n", " ")):
        raise Unclear(hidden, "write it with visible characters only")
    return _Reader(line).commands()


def why_unclear(words: Words) -> Unclear | None:
    """Why a simple command cannot be judged by its words; None when it can."""
    program = words[0]
    if program in RESERVED:
        return Unclear(f'the shell word "{program}"', "run the commands one by one")
    if program in CHANGES_MEANING:
        return Unclear(
            f'"{program}" changes what other words mean',
            "run the program itself, with paths from the project's directory",
        )
    if "=" in program:
        return Unclear("an assignment before a command", "run the command without it")
    if not re.fullmatch(r"[A-Za-z0-9_./+-]+", program) or program.startswith("-"):
        return Unclear(f"the program name {program!a}", "write the plain name of a program")
    return None


class _Reader:
    """Reads the line from left to right, piece by piece."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0

    def commands(self) -> tuple[Words, ...]:
        found: list[Words] = []
        wants_command = False  # after && || | a line break only continues
        while self._at < len(self._line):
            words = self._words()
            separator = self._take(_SEPARATOR)
            if words:
                found.append(words)
                wants_command = separator in ("&&", "||", "|")
            elif separator not in ("\n", ""):
                raise self._unclear_here("a separator without a command before it")
        if wants_command or not found:
            raise Unclear("a line without a last command", "write the whole command")
        return tuple(found)

    def _words(self) -> Words:
        words: list[str] = []
        while True:
            self._take(_GAP)
            if self._at >= len(self._line) or _SEPARATOR.match(self._line, self._at):
                return tuple(words)
            words.append(self._word())

    def _word(self) -> str:
        start, pieces = self._at, [self._piece()]
        while self._at < len(self._line) and not self._is_at_end_of_word():
            pieces.append(self._piece())
        raw = self._line[start : self._at]
        if _TILDE.search(raw) or raw.startswith("="):
            raise Unclear(f'"{raw}", which the shell expands', "write the whole path")
        return "".join(pieces)

    def _is_at_end_of_word(self) -> bool:
        return bool(_GAP.match(self._line, self._at) or _SEPARATOR.match(self._line, self._at))

    def _piece(self) -> str:
        for pattern in (_PLAIN, _SINGLE, _DOUBLE):
            found = pattern.match(self._line, self._at)
            if found:
                self._at = found.end()
                return found[found.lastindex or 0]
        raise self._unclear_here(_CONSTRUCTS.get(self._line[self._at], "a sign I do not know"))

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._line, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[0]

    def _unclear_here(self, what: str) -> Unclear:
        near = self._line[self._at : self._at + 12].split("\n")[0]
        return Unclear(
            f'{what} at character {self._at + 1}: "{near}"',
            "split it into plain commands, one call each, or put text into a file first",
        )


_CONSTRUCTS = {
    ">": "a redirection", "<": "a redirection", "$": "an expansion", "`": "a substitution",
    "(": "a group", ")": "a group", "{": "a brace", "}": "a brace", "*": "a glob", "?": "a glob",
    "[": "a glob", "]": "a glob", "\\": "a backslash", "#": "a comment", "&": "a background job",
    "!": "a negation", "'": "an open quote", '"': "an expansion or an open quote in quotes",
}  # fmt: skip
