"""What is really run by a command that only runs another one, or that goes elsewhere first.

`timeout 5 git -C x --no-pager log` is judged as `git log` in x. A wrapper with an option that is
not listed is Unclear: it may take the next word, which would then hide the program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.policy.atoms import Unclear
from appliance.policy.shell.script import Glob, Late

Words = tuple[str, ...]

_SETTINGS: Mapping[str, str] = {
    **dict.fromkeys(
        ("CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "LINES", "NODE_ENV", "DEBUG",
         "LANG", "LC_ALL", "TZ", "RUST_BACKTRACE", "RUST_LOG", "PYTHONUNBUFFERED",
         "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING",
         "GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE",
         "CARGO_TERM_COLOR", "HUSKY", "LOG_LEVEL", "PORT", "TERM", "VERBOSE"),
        r"[A-Za-z0-9_.,:*@%+=-]*",
    ),
    **dict.fromkeys(("PAGER", "GIT_PAGER"), "cat|"),
    "GIT_EDITOR": "true|:",
}  # fmt: skip
"""Variables that change how a program speaks, not what it runs, and the values that do so."""

_LOADS_FROM: Mapping[str, str] = {"PYTHONPATH": "pytest"}
"""Directories of the project from which a program may load code; it runs the project's anyway."""

RESERVED = frozenset({
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
    "select", "function", "coproc", "[[", "]]", "!", "{", "}", "foreach", "repeat", "end",
    "nocorrect", "noglob", "always",
})  # fmt: skip
"""Words with a meaning for bash or zsh where a program is expected; `time` is a wrapper."""

CHANGES_THE_SHELL = frozenset({
    "pushd", "popd", "dirs", "eval", "source", ".", "exec", "export", "declare", "typeset", "local",
    "readonly", "unset", "set", "shopt", "setopt", "unsetopt", "emulate", "alias", "unalias",
    "enable",
    "disable", "builtin", "command", "trap", "hash", "rehash", "unhash", "bind", "bindkey",
    "complete",
    "compgen", "compopt", "mapfile", "readarray", "read", "let", "umask", "ulimit", "limit", "exit",
    "logout", "return", "break", "continue", "shift", "getopts", "suspend", "fc", "history", "r",
    "autoload", "functions", "zmodload", "zle", "vared", "sched", "print", "float", "integer",
    "caller", "wait", "jobs", "fg", "bg", "disown", "times", "zcompile",
})  # fmt: skip
"""Builtins after which other words mean something else, or that run what they are given."""

RUNS_OTHERS = frozenset({
    "sudo", "doas", "su", "runuser", "pkexec", "chroot", "nsenter", "unshare", "setpriv", "ionice",
    "setsid", "stdbuf", "parallel", "watch", "script", "flock", "busybox", "toybox",
    "chrt",
    "taskset", "unbuffer", "strace", "ltrace", "gdb", "systemd-run", "daemonize", "expect",
    "screen",
    "tmux", "at", "batch", "crontab", "ssh-agent", "dbus-run-session", "faketime", "fakeroot", "nc",
    "socat", "setarch", "linux64", "linux32", "numactl", "prlimit", "bwrap", "firejail", "entr",
})  # fmt: skip
"""Programs whose words are a command of their own, as somebody else, elsewhere or otherwise."""

PROGRAM = re.compile(r"[A-Za-z0-9_.+/:][A-Za-z0-9_.+/:-]*")
SYSTEM_DIRECTORIES = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin")
_DURATION = r"\d+(?:\.\d+)?[smhd]?"


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The words to be judged, the directories to go through first, and those that code is loaded
    from. `by_shell` when it is the shell that reads the first word: only then `cd` changes the
    directory."""

    words: Words
    directories: Words = ()
    by_shell: bool = True
    loaded: Words = ()


def unwrapped(words: Sequence[str], settings: Sequence[tuple[str, str]] = ()) -> Unwrapped:
    """What is really run. Raises Unclear when that cannot be said."""
    found = Unwrapped(tuple(words))
    while found.words[0] in _WRAPPERS:
        inner = _WRAPPERS[found.words[0]](found.words)
        if not inner or inner[0].startswith("-"):
            raise Unclear(f'"{words[0]}" without a plain command', "run the command itself")
        if inner[0] == "time":  # a shell word only where a command begins
            raise Unclear(f'"time" behind "{words[0]}"', "leave one of them out")
        found = Unwrapped(inner, by_shell=False)
    if not isinstance(found.words[0], Glob | Late):
        found = replace(found, words=(_program(found.words[0]), *found.words[1:]))
    if not _is_harmless_builtin(found.words):
        _check_program(found.words[0])
    alias = _ALIASES.get(found.words[0])
    found = alias(found) if alias else found
    return replace(found, loaded=tuple(_loaded(found.words[0], settings)))


def _loaded(program: str, settings: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The directories in variables that name some. Raises Unclear for a variable of any other kind
    that is not known to be harmless."""
    for name, value in settings:
        if _LOADS_FROM.get(name) != program:
            _check_setting(name, value)
            continue
        for directory in value.split(":"):
            if not directory or directory.startswith("/") or ".." in directory.split("/"):
                raise Unclear(f'"{directory}" in {name}', "name directories below this one")
            yield directory


def _is_harmless_builtin(words: Words) -> bool:
    """`command -v x` tells where x is; with `set -e` fewer commands run than stand there; what
    may be set for one command may be set for the rest of the line."""
    if words[0] == "set":
        return re.fullmatch(r"(?: -[eux]*(?:o pipefail)?)+", " ".join(("", *words[1:]))) is not None
    if words[0] == "export":
        for word in words[1:]:
            name, _, value = word.partition("=")
            _check_setting(name, value)
        return len(words) > 1
    return words[:2] == ("command", "-v")


def _check_setting(name: str, value: str) -> None:
    if not re.fullmatch(_SETTINGS.get(name, "(?!)"), value):
        raise Unclear(f'the variable "{name}" before a command', "run the command without it")


def _program(name: str) -> str:
    """`/usr/bin/git` is `git`; every other path stays what it is."""
    directory, slash, last = name.rpartition("/")
    return last if slash and last and directory in SYSTEM_DIRECTORIES else name


def _check_program(name: str) -> None:
    if isinstance(name, Glob | Late) or not PROGRAM.fullmatch(name):
        raise Unclear(f'the program name "{name}"', "write the plain name of a program")
    if name in RESERVED:
        raise Unclear(f'the shell word "{name}"', "run the commands one by one")
    if name in CHANGES_THE_SHELL:
        raise Unclear(f'"{name}" changes what other words mean', "run the program itself")
    if name in RUNS_OTHERS:
        raise Unclear(f'"{name}" runs other programs', "run the program itself")


# --- wrappers: what is behind them


def _timeout(words: Words) -> Words:
    rest = _without_options(
        words, r"--foreground|--preserve-status|-v|--verbose|-[ks]\S+|--(?:signal|kill-after)=\S+",
        r"-[ks]|--signal|--kill-after",
    )  # fmt: skip
    if not rest or not re.fullmatch(_DURATION, rest[0]):
        raise Unclear('"timeout" without a plain duration', "write: timeout 60 COMMAND")
    return rest[1:]


def _nice(words: Words) -> Words:
    return _without_options(words, r"-\d+|-n-?\d+|--adjustment=-?\d+", r"-n|--adjustment")


def _bare(words: Words) -> Words:
    return words[1:]


def _env(words: Words) -> Words:
    rest = words[1:]
    while rest and "=" in rest[0]:
        name, _, value = rest[0].partition("=")
        _check_setting(name, value)
        rest = rest[1:]
    return rest


def _without_options(words: Words, alone: str, valued: str) -> Words:
    """The words behind the wrapper's options."""
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        if re.fullmatch(valued, rest[0]):
            rest = rest[2:]
        elif re.fullmatch(alone, rest[0]):
            rest = rest[1:]
        else:
            raise Unclear(f'the option "{rest[0]}" of "{words[0]}"', "run the command without it")
    return rest


_WRAPPERS: Mapping[str, Callable[[Words], Words]] = {
    "timeout": _timeout,
    "nice": _nice,
    "nohup": _bare,
    "time": _env,  # a shell word, so settings may stand behind it
    "env": _env,
}


# --- programs that are told where to go, or that are another program


def _git(found: Unwrapped) -> Unwrapped:
    """Without the options that only say where, or how to show it."""
    rest = list(found.words[1:])
    directories: list[str] = []
    while rest and rest[0].startswith("-"):
        if rest[0] in ("--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs"):
            del rest[0]
        elif rest[0] == "-C" and len(rest) > 1:
            directories.append(rest[1])
            del rest[:2]
        else:
            break  # not reviewed: stays in the words, and so no wide rule fits
    return replace(found, words=("git", *rest), directories=tuple(directories))


def _make(found: Unwrapped) -> Unwrapped:
    match found.words:
        case (_, "-C", directory, *rest):
            return replace(found, words=("make", *rest), directories=(directory,))
        case _:
            return found


def _python(found: Unwrapped) -> Unwrapped:
    match found.words:
        case (_, "-m", "pytest", *rest):
            return replace(found, words=("pytest", *rest))
        case _:
            return found


_ALIASES: Mapping[str, Callable[[Unwrapped], Unwrapped]] = {
    "git": _git,
    "make": _make,
    "python": _python,
    "python3": _python,
}
