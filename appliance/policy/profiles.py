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

    SUBCOMMAND = "nothing without a subcommand"
    NONE = "none"
    TEXT = "text"
    PATHS = "paths"
    TREES = "paths, and all below them"
    WRITTEN = "paths that are written"
    COPIED = "paths, and where they go"
    MOVED = "paths that go away, and where they go"
    PATTERN_THEN_PATHS = "pattern, then paths"
    SCRIPT_THEN_PATHS = "script, then paths"
    REVISIONS_OR_PATHS = "revisions or paths"
    TESTS = "paths, perhaps with ::test"
    TARGETS = "names of targets"
    MODE_THEN_WRITTEN = "mode, then paths that are written"
    PRINTED = "format, then what is printed with it"
    ADDRESSES = "addresses on the web"


@dataclass(frozen=True, slots=True)
class Profile:
    """`flags` stand alone or take "=VALUE"; `valued` take the next word too; the value of a
    `files` option is the name of a file, that of an `outputs` option one that is written, that of
    a `scripts` option a script for `check`; a `pairs` option takes a name and a value. With a
    `rewrites` option, which is never part of a cluster, the operands are written, too. `values` say
    what an option's value must look like, `shape` what each operand must, `bundle` a first word
    that is a cluster without its dash. One of `needs` must be there, one of `operands_need` when
    there are operands; more than `most` operands are not reviewed. `passes_on`: words behind "--"
    go to another program, so only plain ones are reviewed. `reads_lists`: a word @FILE stands for
    the words in that file."""

    operands: Operands = Operands.NONE
    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    rewrites: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    bundle: str = ""
    needs: frozenset[str] = frozenset()
    operands_need: frozenset[str] = frozenset()
    most: int | None = None
    passes_on: bool = False
    reads_lists: bool = False
    check: Callable[[str], None] | None = None
    subcommands: Mapping[str, Profile] = field(default_factory=dict)


def _profile(
    operands: Operands,
    flags: str = "",
    valued: str = "",
    letters: str = "",
    *,
    files: str = "",
    outputs: str = "",
    scripts: str = "",
    pairs: str = "",
    rewrites: str = "",
    values: Mapping[str, str] | None = None,
    shape: str = "",
    bundle: str = "",
    needs: str = "",
    operands_need: str = "",
    most: int | None = None,
    passes_on: bool = False,
    reads_lists: bool = False,
    check: Callable[[str], None] | None = None,
    subcommands: Mapping[str, Profile] | None = None,
) -> Profile:
    """`letters`: one-letter flags, written together."""
    short = frozenset(f"-{letter}" for letter in letters)
    return Profile(
        operands,
        flags=frozenset(flags.split()) | short,
        valued=frozenset(f"{valued} {files} {outputs} {scripts} {pairs}".split()),
        files=frozenset(files.split()),
        outputs=frozenset(outputs.split()),
        scripts=frozenset(scripts.split()),
        pairs=frozenset(pairs.split()),
        rewrites=frozenset(rewrites.split()),
        values=values or {},
        shape=shape,
        bundle=bundle,
        needs=frozenset(needs.split()),
        operands_need=frozenset(operands_need.split()),
        most=most,
        passes_on=passes_on,
        reads_lists=reads_lists,
        check=check,
        subcommands=subcommands or {},
    )


def _group(subcommands: Mapping[str, Profile]) -> Profile:
    return Profile(Operands.SUBCOMMAND, subcommands=subcommands)


def _numbered(option: str, most: int) -> str:
    """-U3 as a flag: the number is never a word of its own."""
    return " ".join(f"{option}{number}" for number in range(most + 1))


_ONLY_ITS_VERSION = _profile(Operands.NONE, "--version -V", needs="--version -V")


_DIFF = (
    "--stat --numstat --shortstat --dirstat --summary --name-only --name-status --patch --raw "
    "--no-patch --cached --staged --color --no-color --color-words --word-diff --check --quiet "
    "--exit-code --no-renames --find-renames --find-copies --ignore-all-space --minimal "
    "--ignore-space-change --ignore-blank-lines --patience --histogram --no-ext-diff --merge-base "
    "--no-textconv --full-index --abbrev --no-abbrev --compact-summary --unified --relative "
    f"{_numbered('-U', 99)}"
)
_SIGNED = dict.fromkeys(("--format", "--pretty"), r"(?!.*(?:%G|signature)).*")
"""A format that shows signatures runs the program which checks them."""
_LOG = (
    "--oneline --graph --decorate --no-decorate --all --branches --tags --remotes --reverse "
    "--merges --no-merges --first-parent --follow --pretty --format --abbrev-commit --date-order "
    "--topo-order --author-date-order --left-right --cherry-pick --boundary --full-history "
    "--simplify-by-decoration --invert-grep --regexp-ignore-case"
)
_LOG_VALUED = (
    "--max-count --skip --since --until --after --before --author --committer --grep --date "
    "-n -S -G --diff-filter"
)

_BRANCH = r"[A-Za-z0-9][A-Za-z0-9_./-]*"

_GIT: Mapping[str, Profile] = {
    "status": _profile(
        Operands.PATHS,
        "--short --branch --porcelain --long --show-stash --ahead-behind --no-ahead-behind "
        "--untracked-files --ignored --column --no-column --renames --no-renames",
        letters="sbz",
    ),
    "log": _profile(
        Operands.REVISIONS_OR_PATHS, f"{_LOG} {_DIFF}", _LOG_VALUED, "pizEF", values=_SIGNED
    ),
    "diff": _profile(Operands.REVISIONS_OR_PATHS, _DIFF, "--diff-filter -S -G", "pbwzRsMCa"),
    "show": _profile(
        Operands.REVISIONS_OR_PATHS, f"{_LOG} {_DIFF}", "--date", "pbwzsaq", values=_SIGNED
    ),
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
        Operands.TARGETS,
        "--list --all --remotes --verbose --show-current --color --no-color --column --no-column "
        "--merged --no-merged",
        "--contains --no-contains --points-at --sort --format",
        "arvi",
        values=_SIGNED,
        shape=".*",
        operands_need="--list",
    ),
    "remote": _profile(
        Operands.NONE,
        "--verbose",
        letters="v",
        subcommands={"get-url": _profile(Operands.TARGETS, "--all --push", most=1)},
    ),
    "stash": _group({
        "list": _profile(Operands.NONE, _LOG, "-n --max-count", values=_SIGNED),
        "show": _profile(Operands.REVISIONS_OR_PATHS, _DIFF, letters="p"),
    }),
    "reflog": _profile(
        Operands.NONE, _LOG, "-n --max-count --date", values=_SIGNED,
        subcommands={
            "show": _profile(Operands.REVISIONS_OR_PATHS, _LOG, "-n --date", values=_SIGNED),
        },
    ),
    "worktree": _group({"list": _profile(Operands.NONE, "--porcelain --verbose", letters="v")}),
    "cat-file": _profile(Operands.REVISIONS_OR_PATHS, letters="tspe", most=1),
    "for-each-ref": _profile(
        Operands.TARGETS, "--sort --count --format --merged --no-merged --points-at --contains",
        values=_SIGNED, shape=r"refs/[A-Za-z0-9_./*-]*",
    ),
    "checkout": _profile(
        Operands.NONE, "--quiet", "-b", "q", needs="-b", values={"-b": _BRANCH}
    ),
    "switch": _profile(
        Operands.NONE, "--quiet", "-c --create", "q", needs="-c --create",
        values=dict.fromkeys(("-c", "--create"), _BRANCH),
    ),
    # another word could be a directory, which is fetched from as well
    "fetch": _profile(
        Operands.TARGETS, "--all --prune --tags --dry-run --quiet --verbose", letters="pqvt",
        shape="origin|upstream", most=1,
    ),
    "mv": _profile(Operands.MOVED, "--verbose --dry-run", letters="vnk"),
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
        "--all --quiet --verbose --amend --no-edit --allow-empty --signoff --dry-run --author "
        "--date",
        "-m --message",
        "aqsv",
        files="-F --file",
        needs="-m --message -F --file --no-edit --dry-run",
    ),
    "diff-tree": _profile(Operands.REVISIONS_OR_PATHS, _DIFF, letters="rp"),
    "merge-base": _profile(Operands.REVISIONS_OR_PATHS, "--is-ancestor --all"),
    "rev-list": _profile(Operands.REVISIONS_OR_PATHS, "--count --all --no-merges",
    "-n --max-count"),
    "ls-tree": _profile(Operands.REVISIONS_OR_PATHS, "--name-only --full-tree --long",
    letters="rtl"),
    "check-ignore": _profile(Operands.PATHS, "--verbose", letters="vq"),
    "tag": _profile(
        Operands.TARGETS, "--list --merged --no-merged", "--sort --contains", "l",
        shape=".*", operands_need="--list -l",
    ),
    "config": _profile(
        Operands.TARGETS, "--get --get-all --local",
        # a name always has a dot; without one it is a subcommand
        shape=r"[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9_./:@-]+)+", most=1,
    ),
    "version": _profile(Operands.NONE),
    "--version": _profile(Operands.NONE),
}  # fmt: skip

_NPM = {
    **dict.fromkeys(("test", "start"), _profile(Operands.NONE, "--silent", letters="s",
                                                passes_on=True)),
    # `npm run env` shows all variables
    "run": _profile(Operands.TARGETS, "--silent --if-present", letters="s", passes_on=True,
                    shape=r"(?!env$)[A-Za-z0-9][A-Za-z0-9_.:-]*"),
    "ls": _profile(Operands.TARGETS, "--all --depth --json --long",
                   shape=r"@?[A-Za-z0-9][A-Za-z0-9_./-]*"),
    **dict.fromkeys(("-v", "--version"), _profile(Operands.NONE)),
}  # fmt: skip
_JAVASCRIPT = {
    "tsc": _profile(
        Operands.PATHS, "--noEmit --pretty --strict --skipLibCheck --version", files="-p --project",
        needs="--noEmit --version", reads_lists=True,
    ),
    "eslint": _profile(Operands.PATHS, "--quiet --no-color --color --version",
                       "--ext --max-warnings"),
    "prettier": _profile(
        Operands.PATHS, "--check --list-different --version", letters="cl",
        needs="--check -c --list-different -l --version",
    ),
    "jest": _profile(
        Operands.PATHS, "--ci --runInBand --coverage --silent --verbose --bail --watchAll=false "
        "--version", "-t --testNamePattern", "i",
    ),
    "vitest": _group({"run": _profile(Operands.PATHS, "--coverage --silent --bail", "-t")}),
}  # fmt: skip
_CARGO = (
    "--release --all --workspace --all-targets --all-features --no-default-features --quiet "
    "--verbose --lib --bins --tests --examples --doc --no-run --no-fail-fast --locked --offline "
    "--frozen"
)
_CARGO_VALUED = "-p --package --test --bin --example --features -j --jobs"

PROFILES: Mapping[str, Profile] = {
    "git": _group(_GIT),
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
        "--count-matches --null --crlf --text --files --type-list --passthru --no-config",
        "-e -A -B -C -m -t -T -M -d -j -r --replace --regexp --type --type-not --max-count "
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
        "-newermt "
        "-printf",
        files="-newer -anewer -cnewer",
    ),
    "pytest": _profile(
        Operands.TESTS,
        "--quiet --verbose --exitfirst --lf --last-failed --ff --failed-first --co --collect-only "
        "--no-header --no-summary --showlocals --sw --stepwise --color --strict-markers --version "
        "--cov --cov-branch --no-cov --disable-warnings",
        "-k -m -n -p -r --tb --maxfail --durations --timeout --ignore --deselect --cov-report",
        "qvxsl",
        # other reports are files, other plug-ins are programs
        values={"-p": r"no:[A-Za-z0-9_.-]+", "--cov-report": "term(?:-missing)?(?::skip-covered)?"},
        reads_lists=True,
    ),
    "make": _profile(
        Operands.TARGETS,
        f"--silent --keep-going --always-make --dry-run {_numbered('-j', 64)}",
        letters="skBjn",
    ),
    "npm": _group(_NPM),
    "pnpm": _group(_NPM),
    "yarn": _group({name: _NPM[name] for name in ("test", "start", "run", "-v", "--version")}),
    "npx": _group(_JAVASCRIPT),
    **_JAVASCRIPT,
    "cargo": _group(
        {
            **dict.fromkeys(
                ("test", "build", "check", "clippy"),
                _profile(Operands.TARGETS, _CARGO, _CARGO_VALUED, "rqv", passes_on=True),
            ),
            "fmt": _profile(Operands.NONE, "--check --all", needs="--check"),
            "--version": _profile(Operands.NONE),
        }
    ),
    "go": _group(
        {
            **dict.fromkeys(
                ("test", "build", "vet"),
                _profile(
                    Operands.PATHS,
                    "-race -short -cover -failfast",
                    "-run -count -timeout -bench -tags -skip -parallel",
                    "v",
                ),
            ),
            "version": _profile(Operands.NONE),
        }
    ),
    "ruff": _group(
        {
            "check": _profile(
                Operands.PATHS,
                "--quiet --statistics --no-cache --diff --preview --exit-zero",
                "--select --ignore --extend-select --line-length --output-format --target-version",
                "q",
                rewrites="--fix",
            ),
            "format": _profile(
                Operands.PATHS, "--check --diff --quiet", letters="q", needs="--check --diff"
            ),
            "--version": _profile(Operands.NONE),
        }
    ),
    "mypy": _profile(
        Operands.PATHS,
        "--strict --ignore-missing-imports --show-error-codes --pretty --version "
        "--no-error-summary --check-untyped-defs --namespace-packages",
        reads_lists=True,
    ),
    "black": _profile(
        Operands.PATHS, "--check --diff --quiet", letters="q", needs="--check --diff"
    ),
    "pip": _group(
        {
            "list": _profile(Operands.NONE, "--outdated --not-required", "--format", "o"),
            "show": _profile(Operands.TARGETS, "--files", letters="f"),
            "freeze": _profile(Operands.NONE, "--local", letters="l"),
            "--version": _profile(Operands.NONE),
        }
    ),
    "docker": _group(
        {
            "ps": _profile(Operands.NONE, "--all --quiet --no-trunc", "--format -f --filter", "aq"),
            "images": _profile(
                Operands.NONE, "--all --quiet --no-trunc", "--format -f --filter", "aq"
            ),
            "logs": _profile(Operands.TARGETS, "--timestamps", "--tail -n --since", "t", most=1),
            "version": _profile(Operands.NONE),
            "--version": _profile(Operands.NONE),
            "compose": _group(
                {
                    "ps": _profile(Operands.TARGETS, "--all --quiet --services", "--format", "aq"),
                    "logs": _profile(
                        Operands.TARGETS, "--timestamps --no-color", "--tail -n --since", "t"
                    ),
                }
            ),
        }
    ),
    "curl": _profile(
        Operands.ADDRESSES,
        "--silent --show-error --fail --include --head --verbose --compressed --get",
        "-m --max-time --connect-timeout --retry -A --user-agent -X --request -H --header -d "
        "--data --data-raw -w --write-out",
        "sSfiIvG46",
        outputs="-o --output",
        values={
            **dict.fromkeys(("-H", "--header", "-d", "--data"), "[^@].*"),
            **dict.fromkeys(("-w", "--write-out"), "(?!@)(?!.*%output).*"),
        },
    ),
    "tar": _profile(
        Operands.TEXT,
        "--list --verbose --gzip --bzip2 --xz",
        letters="tvzjJ",
        files="-f --file",
        values=dict.fromkeys(("-f", "--file"), "[^:]+"),  # HOST:FILE is fetched by ssh
        bundle="[vzjJ]*t[vzjJ]*f",
        needs="-t --list",
    ),
    "unzip": _profile(Operands.PATHS, letters="lv", needs="-l -v", most=1),
    "zcat": _profile(Operands.PATHS),
    "gunzip": _profile(Operands.PATHS, "--stdout", letters="c", needs="-c --stdout"),
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
    "printf": _profile(Operands.PRINTED),
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
        rewrites="-i -ni -Ei -ri --in-place",
        check=check_sed,
    ),
    "jq": _profile(
        Operands.SCRIPT_THEN_PATHS,
        "--raw-output --compact-output --slurp --sort-keys --null-input --exit-status --tab "
        "--raw-input --join-output --monochrome-output --color-output --ascii-output",
        letters="rcsSneRjMCa",
        pairs="--arg --argjson",
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
        Operands.TREES,
        "--unified --recursive --brief --ignore-all-space --ignore-space-change --side-by-side "
        "--ignore-blank-lines --ignore-case --new-file --color --no-dereference "
        "--report-identical-files "
        "--minimal --text --suppress-common-lines --context",
        "-U -C --label -x --exclude -W --width",
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
    "od": _profile(Operands.PATHS, valued="-A -t -N -j", letters="cxbdovw"),
    "hexdump": _profile(Operands.PATHS, valued="-n -s", letters="Ccv"),
    "strings": _profile(Operands.PATHS, valued="-n", letters="a", reads_lists=True),
    **dict.fromkeys(
        ("md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "b2sum"),
        _profile(Operands.PATHS),
    ),
    "base64": _profile(Operands.PATHS, "--decode", "-w --wrap", "d"),
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
    "chmod": _profile(Operands.MODE_THEN_WRITTEN, "--verbose", letters="v"),
    "date": _profile(
        Operands.TARGETS, "--utc --iso-8601 --rfc-3339", "-d --date", "uIR", shape=r"\+.*"
    ),
    **dict.fromkeys(
        ("whoami", "nproc", "uptime", "arch", "tty", "logname", "hostname"),
        _profile(Operands.NONE),
    ),
    "free": _profile(Operands.NONE, "--human", letters="hmgkb"),
    # without "e", which shows the environment
    "ps": _profile(Operands.TARGETS, "-ef -aux", letters="fAl", shape="aux|ax|u|x"),
    "xxd": _profile(Operands.PATHS, valued="-l -s -c -g", letters="pib", most=1),
    "command": _profile(Operands.TEXT, "-v"),
    # interpreters, but only for what they are called themselves
    **dict.fromkeys(
        ("python", "python3"),
        _ONLY_ITS_VERSION,
    ),
    "node": _profile(Operands.NONE, "--version -v", needs="--version -v"),
    "uname": _profile(Operands.NONE, letters="asrmnpvo"),
    "id": _profile(Operands.NONE, letters="ugGn"),
    "man": _profile(Operands.TARGETS, letters="kf"),
    "pwd": _profile(Operands.NONE, letters="LP"),
}
