"""The options of programs that we have reviewed: with these a wide allow rule may count.

`git log **` must not allow `git log --output=.bashrc`. So options are listed, not forbidden: an
option that is not here needs a rule that names the command exactly, or a human. Left out are
all that run a program, write a file, follow links, read lists of files or other settings, and
abbreviations: `--outp` is not `--output` here, it is nothing.

Interpreters (sh, python, node, …) have no profile, because every argument of theirs can be a
program; awk, sed and jq have one with a check of the script. What destroys (rm, git reset) or
publishes (git push) has none either: those are for exact rules and for people.

When in doubt an option is a flag: then the word behind it is judged as an operand, too. Only
what always takes the next word is `valued` (`git diff -U` does not: it takes `-U5`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.policy.scripts import check_awk, check_jq, check_sed


class Operands(StrEnum):
    """What the words that are no options mean."""

    NONE = "none"
    TEXT = "text"
    PATHS = "paths"
    WRITTEN = "paths that are written"
    COPIED = "paths, and where they go"
    MOVED = "paths that go away, and where they go"
    PATTERN_THEN_PATHS = "pattern, then paths"
    SCRIPT_THEN_PATHS = "script, then paths"
    REVISIONS_OR_PATHS = "revisions or paths"
    TESTS = "paths, perhaps with ::test"
    TARGETS = "names of targets"


@dataclass(frozen=True, slots=True)
class Profile:
    """`flags` stand alone or take "=VALUE"; `valued` take the next word too; the value of a
    `files` option is the name of a file, that of a `scripts` option a script for `check`.
    One of `needs` must be there; more than `most` operands are not reviewed. `passes_on`:
    words behind "--" go to another program, so only plain ones are reviewed."""

    operands: Operands = Operands.NONE
    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    most: int | None = None
    passes_on: bool = False
    check: Callable[[str], None] | None = None
    subcommands: Mapping[str, Profile] = field(default_factory=dict)


def _profile(
    operands: Operands,
    flags: str = "",
    valued: str = "",
    letters: str = "",
    *,
    files: str = "",
    scripts: str = "",
    needs: str = "",
    most: int | None = None,
    passes_on: bool = False,
    check: Callable[[str], None] | None = None,
) -> Profile:
    """`letters`: one-letter flags, written together."""
    short = frozenset(f"-{letter}" for letter in letters)
    return Profile(
        operands,
        flags=frozenset(flags.split()) | short,
        valued=frozenset(f"{valued} {files} {scripts}".split()),
        files=frozenset(files.split()),
        scripts=frozenset(scripts.split()),
        needs=frozenset(needs.split()),
        most=most,
        passes_on=passes_on,
        check=check,
    )


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
        Operands.REVISIONS_OR_PATHS, "--porcelain --show-email --show-name", "--date -L", "wlstfne"
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
    "stash": Profile(subcommands={"list": _profile(Operands.NONE, _LOG, "-n --max-count")}),
    "grep": _profile(
        Operands.PATTERN_THEN_PATHS,
        "--line-number --ignore-case --files-with-matches --count --name-only --word-regexp "
        "--extended-regexp --fixed-strings --perl-regexp --invert-match --heading --break",
        "-e -A -B -C",
        "niIlLcwEFPGhHvp",
    ),
    "add": _profile(Operands.PATHS, "--all --update --verbose --dry-run", letters="Auvn"),
    "commit": _profile(
        Operands.PATHS,
        "--all --quiet --verbose --amend --no-edit --allow-empty --signoff --dry-run",
        "-m --message",
        "aqsv",
        needs="-m --message --no-edit --dry-run",
    ),
    "diff-tree": _profile(Operands.REVISIONS_OR_PATHS, _DIFF, letters="rp"),
    "merge-base": _profile(Operands.REVISIONS_OR_PATHS, "--is-ancestor --all"),
    "rev-list": _profile(Operands.REVISIONS_OR_PATHS, "--count --all --no-merges",
    "-n --max-count"),
    "ls-tree": _profile(Operands.REVISIONS_OR_PATHS, "--name-only --full-tree --long",
    letters="rtl"),
    "check-ignore": _profile(Operands.PATHS, "--verbose", letters="vq"),
    "tag": _profile(Operands.NONE, "--list --merged --no-merged", "--sort --contains", "l"),
    "config": _profile(
        Operands.TARGETS, "--get --get-all --local", needs="--get --get-all", most=1
    ),
    "version": _profile(Operands.NONE),
    "--version": _profile(Operands.NONE),
}  # fmt: skip

_JOBS = " ".join(f"-j{number}" for number in range(1, 65))

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
        "--exclude --exclude-dir",
        "rniIvlLcowxEFPGhHsaqzZ",
        files="--include",
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
        files="-g --glob",
    ),
    "find": _profile(
        Operands.PATHS,
        "-print -print0 -ls -quit -not -o -or -a -and -empty -prune -xdev -mount -depth -true "
        "-false "
        "-readable -writable -executable -daystart -noleaf",
        "-name -iname -path -ipath -wholename -iwholename -regex -iregex -type -maxdepth "
        "-mindepth -size -mtime -mmin -atime -amin -ctime -cmin -perm -user -group -links -inum "
        "-printf",
        files="-newer -anewer -cnewer",
    ),
    "pytest": _profile(
        Operands.TESTS,
        "--quiet --verbose --exitfirst --lf --last-failed --ff --failed-first --co --collect-only "
        "--no-header --no-summary --showlocals --sw --stepwise --color --strict-markers --version "
        "--cov --cov-branch --no-cov",
        "-k -m -n -r --tb --maxfail --durations --timeout",
        "qvxsl",
    ),
    "make": _profile(
        Operands.TARGETS, "--silent --keep-going --always-make " + _JOBS, letters="skBj"
    ),
    "npm": Profile(
        subcommands={
            "test": _profile(Operands.NONE, "--silent", letters="s", passes_on=True),
            "t": _profile(Operands.NONE, "--silent", letters="s", passes_on=True),
            "run": _profile(Operands.TARGETS, "--silent --if-present", letters="s", passes_on=True),
            "run-script": _profile(Operands.TARGETS, "--silent", letters="s", passes_on=True),
            "ls": _profile(Operands.NONE, "--all --depth --json --long"),
        }
    ),
    **dict.fromkeys(
        (
            "echo",
            "true",
            "false",
            ":",
            "basename",
            "dirname",
            "seq",
            "sleep",
            "which",
            "type",
            "expr",
        ),
        Profile(Operands.TEXT),
    ),
    "printf": _profile(Operands.TEXT, "--help"),  # not -v: it sets a variable
    "awk": _profile(
        Operands.SCRIPT_THEN_PATHS,
        "--version",
        "-F -v --field-separator --assign",
        check=check_awk,
    ),
    "sed": _profile(
        Operands.SCRIPT_THEN_PATHS,
        "--quiet --silent --regexp-extended --null-data --separate --unbuffered",
        letters="nErszu",
        scripts="-e --expression",
        check=check_sed,
    ),
    "jq": _profile(
        Operands.SCRIPT_THEN_PATHS,
        "--raw-output --compact-output --slurp --sort-keys --null-input --exit-status --tab "
        "--raw-input --join-output --monochrome-output --color-output --ascii-output",
        letters="rcsSneRjMCa",
        check=check_jq,
    ),
    "sort": _profile(
        Operands.PATHS,
        "--numeric-sort --reverse --unique --ignore-case --human-numeric-sort --version-sort "
        "--stable --check --general-numeric-sort --month-sort --ignore-leading-blanks "
        "--zero-terminated --dictionary-order",
        "-k -t --key --field-separator",
        "nrufhVscgMbzd",
    ),
    "uniq": _profile(
        Operands.PATHS,
        "--count --repeated --unique --ignore-case --all-repeated --zero-terminated",
        "-f -s -w --skip-fields --skip-chars --check-chars",
        "cduiDz",
        most=1,
    ),
    "cut": _profile(
        Operands.PATHS,
        "--complement --only-delimited --zero-terminated",
        "-d -f -c -b --delimiter --fields --characters --bytes --output-delimiter",
        "sz",
    ),
    "tr": _profile(Operands.TEXT, "--delete --squeeze-repeats --complement", letters="dscC"),
    "nl": _profile(Operands.PATHS, valued="-w -b -n -s -v", letters="p"),
    "tac": _profile(Operands.PATHS),
    "rev": _profile(Operands.PATHS),
    "paste": _profile(Operands.PATHS, "--serial", "-d --delimiters", "sz"),
    "fold": _profile(Operands.PATHS, "--spaces", "-w --width", "s"),
    "column": _profile(Operands.PATHS, "--table", "-s -c -o --separator", "tx"),
    "comm": _profile(Operands.PATHS, letters="123"),
    "diff": _profile(
        Operands.PATHS,
        "--unified --recursive --brief --ignore-all-space --ignore-space-change --side-by-side "
        "--ignore-blank-lines --ignore-case --new-file --color --no-dereference "
        "--report-identical-files "
        "--minimal --text --suppress-common-lines",
        "-U -C --context --label -x --exclude -W --width",
        "urqwbByiNasd",
    ),
    "cmp": _profile(Operands.PATHS, "--silent --quiet", letters="sl"),
    "file": _profile(Operands.PATHS, "--brief --mime --mime-type", letters="bi"),
    "stat": _profile(Operands.PATHS, "--terse", "-c --format --printf", "t"),
    "du": _profile(
        Operands.PATHS,
        "--human-readable --summarize --all --total --apparent-size --bytes",
        "-d --max-depth --exclude",
        "hsacbkmx",
    ),
    "df": _profile(Operands.PATHS, "--human-readable", letters="hTik"),
    "tree": _profile(
        Operands.PATHS, "--dirsfirst --noreport --gitignore --prune --du", "-L -I -P", "adfsihD"
    ),
    "od": _profile(Operands.PATHS, valued="-A -t -N -j -w", letters="cxbdov"),
    "hexdump": _profile(Operands.PATHS, valued="-n -s", letters="Ccv"),
    "strings": _profile(Operands.PATHS, valued="-n", letters="a"),
    **dict.fromkeys(
        ("md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "b2sum"), _profile(Operands.PATHS)
    ),
    "realpath": _profile(Operands.PATHS, "--relative-to", letters="ems"),
    "readlink": _profile(Operands.PATHS, letters="fenm"),
    "test": _profile(Operands.PATHS, letters="fderswxLh"),
    "mkdir": _profile(Operands.WRITTEN, "--parents --verbose", letters="pv"),
    "touch": _profile(Operands.WRITTEN, "--no-create", letters="camh"),
    "tee": _profile(Operands.WRITTEN, "--append", letters="a"),
    "cp": _profile(
        Operands.COPIED, "--recursive --verbose --no-clobber --force --update", letters="rRvnfu"
    ),
    "mv": _profile(Operands.MOVED, "--verbose --no-clobber --force --update", letters="vnfu"),
    "date": _profile(Operands.TEXT, "--utc --iso-8601 --rfc-3339", "-d --date", "uIR"),
    **dict.fromkeys(
        ("whoami", "nproc", "uptime", "arch", "tty", "logname"), _profile(Operands.NONE)
    ),
    "xxd": _profile(Operands.PATHS, valued="-l -s -c -g", letters="pib", most=1),
    "command": _profile(Operands.TEXT, "-v"),
    # interpreters, but only for what they are called themselves
    **dict.fromkeys(
        ("python", "python3"),
        _profile(Operands.NONE, "--version -V", needs="--version -V"),
    ),
    "node": _profile(Operands.NONE, "--version -v", needs="--version -v"),
    "uname": _profile(Operands.NONE, letters="asrmnpvo"),
    "id": _profile(Operands.NONE, letters="ugGn"),
    "man": _profile(Operands.TARGETS, letters="kf"),
    "pwd": _profile(Operands.NONE, letters="LP"),
}
