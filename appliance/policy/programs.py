"""The options of programs that we have reviewed: with these a wide allow rule may count.

`git log **` must not allow `git log --output=.bashrc`. So options are listed, not forbidden: an
option that is not here needs a rule that names the command exactly, or a human. Left out are
all that run a program, write a file, follow links or read lists of files. Interpreters (sh,
python, awk, …) have no profile, because every argument of theirs can be a program.

When in doubt an option is a flag: then the word behind it is judged as an operand, too. Only
what always takes the next word is `valued` (`git diff -U` does not: it takes `-U5`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from appliance.policy.atoms import Unclear


class Operands(StrEnum):
    """What the words that are no options mean."""

    NONE = "none"
    TEXT = "text"
    PATHS = "paths"
    PATTERN_THEN_PATHS = "pattern, then paths"
    REVISIONS_OR_PATHS = "revisions or paths"
    TESTS = "paths, perhaps with ::test"
    TARGETS = "names of targets"


@dataclass(frozen=True, slots=True)
class Profile:
    """`flags` stand alone or take "=VALUE"; `valued` take the next word too."""

    operands: Operands = Operands.NONE
    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    subcommands: Mapping[str, Profile] = field(default_factory=dict)


def _profile(operands: Operands, flags: str = "", valued: str = "", letters: str = "") -> Profile:
    """`letters`: one-letter flags, written together."""
    short = frozenset(f"-{letter}" for letter in letters)
    return Profile(operands, frozenset(flags.split()) | short, frozenset(valued.split()))


_DIFF = (
    "--stat --numstat --shortstat --dirstat --summary --name-only --name-status --patch --raw "
    "--no-patch --cached --staged --color --no-color --color-words --word-diff --check --quiet "
    "--exit-code --no-renames --find-renames --find-copies --ignore-all-space --minimal "
    "--ignore-space-change --ignore-blank-lines --patience --histogram --no-ext-diff --merge-base "
    "--no-textconv --full-index --abbrev --no-abbrev --compact-summary --unified --relative"
)
_LOG = (
    "--oneline --graph --decorate --no-decorate --all --branches --tags --remotes --reverse "
    "--merges --no-merges --first-parent --follow --pretty --format --abbrev-commit --date-order "
    "--topo-order --author-date-order --left-right --cherry-pick --boundary --full-history "
    "--simplify-by-decoration --invert-grep --regexp-ignore-case"
)
_LOG_VALUED = (
    "--max-count --skip --since --until --after --before --author --committer --grep --date "
    "-n -S -G"
)

_GIT: Mapping[str, Profile] = {
    "status": _profile(
        Operands.PATHS,
        "--short --branch --porcelain --long --show-stash --ahead-behind --no-ahead-behind "
        "--untracked-files --ignored --column --no-column --renames --no-renames",
        letters="sbz",
    ),
    "log": _profile(Operands.REVISIONS_OR_PATHS, f"{_LOG} {_DIFF}", _LOG_VALUED, "pizEF"),
    "diff": _profile(Operands.REVISIONS_OR_PATHS, _DIFF, "--diff-filter -S -G", "pbwzRsMCa"),
    "show": _profile(Operands.REVISIONS_OR_PATHS, f"{_LOG} {_DIFF}", "--date", "pbwzsaq"),
    "blame": _profile(
        Operands.REVISIONS_OR_PATHS, "--porcelain --show-email --show-name", "--date", "wlstfne"
    ),
    "shortlog": _profile(
        Operands.REVISIONS_OR_PATHS, "--summary --numbered --email --all --no-merges", letters="sne"
    ),
    "describe": _profile(
        Operands.REVISIONS_OR_PATHS, "--all --tags --always --dirty --long --abbrev --contains"
    ),
    "rev-parse": _profile(
        Operands.REVISIONS_OR_PATHS,
        "--abbrev-ref --short --verify --show-toplevel --git-dir --is-inside-work-tree --quiet "
        "--show-prefix --show-cdup --symbolic-full-name --all --branches --tags",
        letters="q",
    ),
    "ls-files": _profile(
        Operands.PATHS,
        "--cached --deleted --modified --others --ignored --stage --exclude-standard --full-name "
        "--error-unmatch --unmerged --killed",
        letters="cdmoisuktvz",
    ),
    "branch": _profile(
        Operands.NONE,
        "--list --all --remotes --verbose --show-current --color --no-color --column --no-column "
        "--merged --no-merged",
        "--contains --no-contains --points-at --sort",
        "arvi",
    ),
    "remote": _profile(Operands.NONE, "--verbose", letters="v"),
    "stash": Profile(subcommands={"list": _profile(Operands.NONE, _LOG)}),
}  # fmt: skip

PROFILES: Mapping[str, Profile] = {
    "git": Profile(subcommands=_GIT),
    "ls": _profile(
        Operands.PATHS,
        "--all --almost-all --human-readable --recursive --color --group-directories-first --size "
        "--reverse --directory --classify --inode --full-time --time-style --sort --no-group",
        letters="aAlhrRtS1dFpisgGoCxmnUcuXvQqb",
    ),
    "cat": _profile(
        Operands.PATHS, "--number --number-nonblank --show-all --squeeze-blank", letters="nbAsvetET"
    ),
    "head": _profile(Operands.PATHS, "--quiet --verbose", "-n -c --lines --bytes", "qvz"),
    "tail": _profile(Operands.PATHS, "--quiet --verbose", "-n -c --lines --bytes", "qvz"),
    "wc": _profile(
        Operands.PATHS, "--lines --words --bytes --chars --max-line-length", letters="lwcmL"
    ),
    "grep": _profile(
        Operands.PATTERN_THEN_PATHS,
        "--recursive --line-number --ignore-case --no-ignore-case --files-with-matches --color "
        "--files-without-match --invert-match --count --only-matching --word-regexp --quiet "
        "--line-regexp --extended-regexp --fixed-strings --perl-regexp --no-filename --text "
        "--with-filename --no-messages --null --basic-regexp",
        "-e -A -B -C -m --regexp --after-context --before-context --context --max-count "
        "--include --exclude --exclude-dir",
        "rniIvlLcowxEFPGhHsaqzZ",
    ),
    "rg": _profile(
        Operands.PATTERN_THEN_PATHS,
        "--line-number --no-line-number --ignore-case --smart-case --case-sensitive --count --json "
        "--files-with-matches --files-without-match --invert-match --only-matching --word-regexp "
        "--line-regexp --fixed-strings --no-heading --heading --column --stats --trim "
        "--multiline --multiline-dotall --pcre2 --vimgrep --no-filename --with-filename --quiet "
        "--count-matches --null --crlf --text",
        "-e -A -B -C -m -t -T -M -d -j --regexp --type --type-not --max-count "
        "--max-depth --after-context --before-context --context --threads --sort --max-columns "
        "--color",
        "niSscvlowxFNHIqUP",
    ),
    "find": _profile(
        Operands.PATHS,
        "-print -print0 -not -o -or -a -and -empty -prune -xdev -mount -depth -true -false "
        "-readable -writable -executable -daystart -noleaf",
        "-name -iname -path -ipath -wholename -iwholename -regex -iregex -type -maxdepth "
        "-mindepth -size -mtime -mmin -atime -amin -ctime -cmin -perm -user -group -links -inum",
    ),
    "pytest": _profile(
        Operands.TESTS,
        "--quiet --verbose --exitfirst --lf --last-failed --ff --failed-first --co --collect-only "
        "--no-header --no-summary --showlocals --sw --stepwise --color --strict-markers",
        "-k -m -n -r --tb --maxfail --durations",
        "qvxsl",
    ),
    "make": _profile(Operands.TARGETS, "--silent --keep-going --always-make", letters="skB"),
    "npm": Profile(
        subcommands={
            "test": _profile(Operands.NONE, "--silent", letters="s"),
            "run": _profile(Operands.TARGETS, "--silent", letters="s"),
            "ls": _profile(Operands.NONE, "--all --depth --json --long"),
        }
    ),
    "echo": Profile(Operands.TEXT),
    "true": Profile(Operands.TEXT),
    "false": Profile(Operands.TEXT),
    "pwd": _profile(Operands.NONE, letters="LP"),
}


def files_named(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a reviewed command that may name files.

    Raises Unclear, naming the word, when the program or one of its options is not reviewed.
    """
    name, profile, arguments = words[0], PROFILES.get(words[0]), words[1:]
    while profile is not None and profile.subcommands:
        if not arguments:  # a bare `git stash` is `git stash push`
            raise _unreviewed(f'"{name}" without a subcommand is not reviewed')
        name = f"{name} {arguments[0]}"
        profile, arguments = profile.subcommands.get(arguments[0]), arguments[1:]
    if profile is None:
        raise _unreviewed(f'"{name}" is no program with reviewed options')
    if profile.operands is Operands.TEXT:
        return ()
    return _files(name, profile, _Arguments.of(name, profile, arguments))


def _unreviewed(note: str) -> Unclear:
    return Unclear(note, "use plain options, or ask the owner for a rule with this exact command")


@dataclass(slots=True)
class _Arguments:
    operands: list[str]
    options: list[str]

    @staticmethod
    def of(name: str, profile: Profile, words: Sequence[str]) -> _Arguments:
        found = _Arguments([], [])
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                found.operands += rest
                break
            if not word.startswith("-") or word == "-":
                found.operands.append(word)
                continue
            option = _option(profile, word)
            if option is None:
                raise _unreviewed(f'the option "{word}" of {name} is not reviewed')
            found.options.append(option.name)
            if option.takes_next:
                del rest[:1]
        return found


class _Option(NamedTuple):
    name: str
    takes_next: bool


def _option(profile: Profile, word: str) -> _Option | None:
    """The option that a word is, or the last one of a cluster such as -rn; None: not reviewed."""
    name, has_value, _ = word.partition("=") if word.startswith("--") else (word, "", "")
    if name in profile.valued:
        return _Option(name, takes_next=not has_value)
    if name in profile.flags or re.fullmatch(r"-[0-9]+", word):  # git log -5, head -20
        return _Option(name, takes_next=False)
    return None if word.startswith("--") else _cluster(profile, word)


def _cluster(profile: Profile, word: str) -> _Option | None:
    last = len(word) - 1
    for index, letter in enumerate(word[1:], 1):
        if f"-{letter}" in profile.valued:  # the rest of the word is its value: -n5
            return _Option(f"-{letter}", takes_next=index == last)
        if f"-{letter}" not in profile.flags:
            return None
    return _Option(f"-{word[last]}", takes_next=False)


def _files(name: str, profile: Profile, found: _Arguments) -> tuple[str, ...]:
    operands = tuple(found.operands)
    match profile.operands:
        case Operands.PATTERN_THEN_PATHS:
            has_pattern = not {"-e", "--regexp"}.isdisjoint(found.options)
            return operands if has_pattern else operands[1:]
        case Operands.REVISIONS_OR_PATHS:  # HEAD:src/app.py names a file too
            return tuple(part for word in operands for part in (word, *word.split(":")) if part)
        case Operands.TESTS:
            if any(word.startswith("@") for word in operands):
                raise _unreviewed(f"{name} with arguments from a file (@) is not reviewed")
            return tuple(word.partition("::")[0] for word in operands)
        case Operands.TARGETS:
            _check_targets(name, operands)
            return ()
        case Operands.NONE:
            if operands:
                raise _unreviewed(f'{name} with "{operands[0]}" is not reviewed')
            return ()
        case _:
            return operands


def _check_targets(name: str, operands: Sequence[str]) -> None:
    for word in operands:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", word):
            raise _unreviewed(f'{name} with "{word}" is not reviewed')
