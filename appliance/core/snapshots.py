"""What a project was like before a job and after it, and the git commands that find it out.

A snapshot is a commit in a repository of ours, `.dispatch/.git` inside the project, whether the
project itself uses git or not. Nothing of the project's own repository is written: its index,
branches, stash and references stay as they are, and none of its hooks, filters or drivers is
run. Its objects are borrowed (`alternates`), so that what it has already is not stored twice.
Untracked files are in a snapshot, ignored ones are not; files are kept byte by byte.

The repository is written anew as far as it could make git run anything: whoever wrote the
project may have written into `.dispatch`, too. `.git` in its name keeps the agent's tools out
(policy/paths.py), but no program that the agent runs: what is read is compared with its name, and
the index is used again only as we left it.

The scripts are for `sh` in the project's sandbox and take what differs as arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.core.diffs import Counts
from appliance.core.model import JobId, ProjectName

EXCLUDE = "/.dispatch/"
"""The line of .git/info/exclude that keeps our directory out of the project's own commits."""

LARGEST_KIB = 1024 * 1024
"""New content of one snapshot; hashing more would take longer than a job should wait for."""

KEPT_JOBS = 100
"""Of so many jobs of a project the snapshots are kept, the latest ones."""

TOO_LARGE = 70
"""The scripts' exit status when there is too much to keep."""

LONGEST_LIST = 4 << 20
LONGEST_PATCH = 8 << 20
"""Bytes of git's output that are read; what is longer is not shown in a chat."""


class Which(StrEnum):
    """Of which moment a snapshot is."""

    BEFORE = "before"
    AFTER = "after"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The two of one job. `root`: the directory they are of, inside the project, "." for all.

    `before` and `after` are commits, "" where there is none; `trouble` says why. `counts` is
    between the two. The job's files may have changed further since.
    """

    job: JobId
    project: ProjectName
    root: str = "."
    before: str = ""
    after: str = ""
    trouble: str = ""
    counts: Counts = field(default_factory=Counts)


# --- what git is told

# No configuration but ours; the project's directory is where looking for a repository ends. A
# symbolic link in our place would lead to somebody else's files. A graph of commits says what is in
# them, and nobody would notice if that is not so.
PREPARED = r"""
set -eu
project=$PWD
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_NO_REPLACE_OBJECTS=1 \
  GIT_OPTIONAL_LOCKS=0 GIT_TERMINAL_PROMPT=0 GIT_CEILING_DIRECTORIES="${project%/*}" \
  GIT_AUTHOR_NAME=dispatch GIT_AUTHOR_EMAIL=dispatch@localhost \
  GIT_COMMITTER_NAME=dispatch GIT_COMMITTER_EMAIL=dispatch@localhost
kept=$project/.dispatch/.git
if [ -L .dispatch ] || [ -L "$kept" ]; then
  echo ".dispatch is a symbolic link: remove it" >&2
  exit 1
fi
theirs() { git -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"; }
ours() { git -c core.commitGraph=false --git-dir="$kept" --work-tree=. "$@"; }
"""

_MADE = r"""
theirs=sha1
if [ -d .git ] && ! [ -L .git ]; then
  theirs=$(git config --file .git/config extensions.objectFormat || echo sha1)
fi
if ! [ -f "$kept/HEAD" ]; then
  mkdir -p .dispatch
  git init --quiet --bare --template= --object-format="$theirs" "$kept"
fi
format=$(ours rev-parse --show-object-format)
mkdir -p "$kept/info" "$kept/objects/info"
rm -rf "$kept/commondir" "$kept/config" "$kept/config.worktree" "$kept/info/grafts" \
  "$kept/info/sparse-checkout" "$kept/shallow" "$kept/hooks" "$kept/objects/info/alternates" \
  "$kept/info/attributes" "$kept/info/exclude"
cat > "$kept/config" <<END
[core]
	repositoryformatversion = 1
	bare = false
	fileMode = true
	symlinks = true
	autocrlf = false
	safecrlf = false
	hooksPath = /dev/null
	fsmonitor = false
	logAllRefUpdates = false
	compression = 1
	bigFileThreshold = 16m
	quotePath = true
	excludesFile = /dev/null
	attributesFile = /dev/null
[advice]
	addEmbeddedRepo = false
[extensions]
	objectFormat = $format
[gc]
	auto = 0
[pack]
	threads = 1
END
echo "* !diff -text -filter -ident -eol -working-tree-encoding" > "$kept/info/attributes"
if [ -d .git ] && ! [ -L .git ]; then
  if [ "$theirs" = "$format" ]; then
    echo ../../../.git/objects > "$kept/objects/info/alternates"
  fi
  if ! [ -L .git/info ] && ! [ -L .git/info/exclude ]; then
    mkdir -p .git/info
    grep -qxF /.dispatch/ .git/info/exclude 2>/dev/null || echo /.dispatch/ >> .git/info/exclude
  fi
fi
{ echo /.dispatch/; cat .git/info/exclude 2>/dev/null || :; } > "$kept/info/exclude"
"""

_OWN_PLACE = r"""
temporary=$(mktemp -d "$kept/temporary.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
"""

# An index of this run's own, because two may be under way, and one that was killed leaves its lock.
_OWN_INDEX = (
    r"""
find "$kept" -maxdepth 1 -name 'temporary.*' -mmin +10 -exec rm -rf {} + 2>/dev/null || :
find "$kept" -name '*.lock' -mmin +10 -exec rm -f {} + 2>/dev/null || :
"""
    + _OWN_PLACE
    + r"""
GIT_INDEX_FILE=$temporary/index
export GIT_INDEX_FILE
"""
)

# Reads names of objects. Each has to be what its name says, or whoever can write here would decide
# what people are shown and what comes back: git itself believes the name of what it has.
_CHECKED = r"""
checked() {
  sort -u > "$temporary/names"
  ours pack-objects --quiet --stdout --window=0 < "$temporary/names" > "$temporary/read.pack"
  ours index-pack "$temporary/read.pack" > /dev/null
  ours show-index < "$temporary/read.idx" | awk '{ print $2 }' | sort |
    cmp -s - "$temporary/names" || {
    echo "what was kept in .dispatch is not what it was" >&2
    exit 1
  }
  rm -f "$temporary/read.pack" "$temporary/read.idx"
}
all_between() {
  {
    printf '%s\n' "$1" "$2"
    ours rev-parse "$1^{tree}" "$2^{tree}"
    ours diff-tree -r -t --no-commit-id --no-renames --ignore-submodules=none "$1" "$2" |
      awk '{ sub(/^:/, "") }
        $1 != "000000" && $1 != "160000" { print $3 }
        $2 != "000000" && $2 != "160000" { print $4 }'
  } | checked
}
"""

# The index keeps its time (cp -p): by it git knows which files it cannot trust to be unchanged.
# Only the very index that we left says truly which files need not be read again.
_KEEP = (
    PREPARED
    + _MADE
    + _OWN_INDEX
    + r"""
job=$1 which=$2 root=$3 largest=$4 index=$5
cached=$kept/index.$(echo "$root" | tr -c 'A-Za-z0-9\n' _)
cd "$root"
cp -p "$cached" "$GIT_INDEX_FILE" 2>/dev/null &&
  [ "$(ours hash-object --stdin < "$GIT_INDEX_FILE")" = "$index" ] ||
  rm -f "$GIT_INDEX_FILE"
new=$(ours ls-files -z --others --modified --exclude-standard |
  { xargs -0 du -k -- 2>/dev/null || :; } | awk '{ sum += $1 } END { print sum + 0 }')
if [ "$new" -gt "$largest" ]; then
  echo "$new" >&2
  exit 70
fi
ours add --all --ignore-errors -- . || :
env -u GIT_INDEX_FILE git -c core.fsmonitor=false -c core.excludesFile=/dev/null \
  ls-files -z --cached --ignored --exclude-standard 2>/dev/null |
  ours update-index --add --remove -z --stdin || :
tree=$(ours write-tree)
commit=$({
  echo "$which job $job"
  echo
  ours ls-files --others --ignored --exclude-standard --directory |
    grep -vxF .dispatch/ | head -c 65536
} | ours commit-tree "$tree")
ours update-ref "refs/dispatch/$job/$which" "$commit"
index=$(ours hash-object --stdin < "$GIT_INDEX_FILE")
mv "$GIT_INDEX_FILE" "$cached"
echo "$commit $index"
"""
)

# What is between two snapshots never looks at the project's files: nothing there can change what
# is seen, and no attribute of the project (`-diff`, a text conversion) hides anything.

_DIFF = (
    "diff-tree -r --no-commit-id --no-ext-diff --no-textconv --no-color --ignore-submodules=none"
)

_COMPARE = (
    PREPARED
    + _OWN_PLACE
    + _CHECKED
    + rf"""
all_between "$1" "$2"
ours {_DIFF} -z -M --raw --numstat "$1" "$2"
"""
)

_PATCH = (
    PREPARED
    + _OWN_PLACE
    + _CHECKED
    + rf"""
all_between "$1" "$2"
ours {_DIFF} -p -M "$1" "$2"
"""
)

_ONE_FILE = (
    PREPARED
    + _OWN_PLACE
    + _CHECKED
    + r"""
ours hash-object -w --stdin < /dev/null > /dev/null
printf '%s\n' "$1" "$2" | checked
ours diff --no-ext-diff --no-textconv --no-color -U3 "$1" "$2"
"""
)

_NOTES = (
    PREPARED
    + _OWN_PLACE
    + _CHECKED
    + r"""
echo "$1" | checked
ours cat-file commit "$1"
"""
)

# All or nothing: git refuses when a file is not as it was in `now`, and when something that no
# snapshot knows is in the way.
_RESTORE = (
    PREPARED
    + _OWN_INDEX
    + _CHECKED
    + r"""
root=$1 now=$2 index=$3
cached=$kept/index.$(echo "$root" | tr -c 'A-Za-z0-9\n' _)
cd "$root"
ours read-tree "$now"
ours update-index -z --index-info
wanted=$(ours write-tree)
all_between "$now" "$wanted"
cp -p "$cached" "$GIT_INDEX_FILE"
if [ "$(ours hash-object --stdin < "$GIT_INDEX_FILE")" != "$index" ]; then
  echo "somebody else writes into .dispatch" >&2
  exit 1
fi
ours read-tree -m -u "$now" "$wanted"
"""
)

_FORGET = (
    PREPARED
    + r"""
ours for-each-ref --format='%(refname:lstrip=2)' refs/dispatch | cut -d/ -f1 | sort -rnu |
  tail -n "+$(($1 + 1))" | while read -r job; do
    ours for-each-ref --format='delete %(refname)' "refs/dispatch/$job" | ours update-ref --stdin
  done
ours gc --quiet --prune=1.hour.ago
"""
)

Argv = tuple[str, ...]


def _script(script: str, *arguments: str) -> Argv:
    return ("sh", "-c", script, "sh", *arguments)


def keep(job: JobId, which: Which, root: str, index: str) -> Argv:
    """Prints what `kept` reads; what it says beside that could not be looked at.

    `index`: that of the last one of this root, "" where it is not known: all files are read then.
    """
    return _script(_KEEP, str(job), which, root, str(LARGEST_KIB), index)


def compare(old: str, new: str) -> Argv:
    """Prints what `diffs.changes` reads."""
    return _script(_COMPARE, old, new)


def patch(old: str, new: str) -> Argv:
    """Prints everything, as `git apply` reads it."""
    return _script(_PATCH, old, new)


def one_file(old: str, new: str) -> Argv:
    """Prints what `diffs.lines` reads, about two contents."""
    return _script(_ONE_FILE, _content(old), _content(new))


def notes(commit: str) -> Argv:
    """Prints what `ignored` reads."""
    return _script(_NOTES, commit)


def restore(root: str, now: str, index: str) -> Argv:
    """Makes what it reads (`diffs.index_lines`) so; `now` was kept just before, with `index`."""
    return _script(_RESTORE, root, now, index)


def forget_old() -> Argv:
    """Keeps the snapshots of the latest jobs only."""
    return _script(_FORGET, str(KEPT_JOBS))


def kept(output: bytes) -> tuple[str, str] | None:
    """The commit and the index that were left; None: it is something else that was printed."""
    match = re.fullmatch(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})\n", output)
    return (match[1].decode(), match[2].decode()) if match else None


def ignored(message: bytes) -> tuple[str, ...]:
    """What git was told to ignore when a commit was made, from the commit's text; outermost."""
    names = message.decode("utf-8", "replace").partition("\n\n")[2].splitlines()[2:]
    found: list[str] = []
    for name in names:
        if not (found and found[-1].endswith("/") and name.startswith(found[-1])):
            found.append(name)
    return tuple(found)


_EMPTY = {
    40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}


def _content(blob: str) -> str:
    """git knows nothing as the empty file, which every repository has."""
    return blob if blob.strip("0") else _EMPTY[len(blob)]
