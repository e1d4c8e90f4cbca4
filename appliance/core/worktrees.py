"""A job in a git worktree or on a branch of its own: the git commands for it.

The branch is `dispatch/JOB`, the worktree `.dispatch/worktrees/JOB` inside the project, where the
task's sandbox lets the agent write. None of the project's hooks is run. Each command can be given
again after a crash came between its steps.
"""

from __future__ import annotations

from appliance.core.commands import Fate
from appliance.core.jobs import WORKTREES
from appliance.core.model import JobId
from appliance.core.snapshots import EXCLUDE, PREPARED, Argv

CONFLICT = 71
"""The exit status when what is merged contradicts what is there; nothing was changed then."""

NO_COMMIT = 72
"""The exit status when there is no repository, or nothing in it yet."""


_OWN = (
    PREPARED
    + rf"""
if [ -n "$(theirs config user.email || :)" ]; then
  unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
fi
job=$1
branch=dispatch/$job tree={WORKTREES}/$job
git rev-parse --verify --quiet HEAD >/dev/null || exit {NO_COMMIT}
"""
)

_MAKE = (
    _OWN
    + rf"""
mkdir -p {WORKTREES} .git/info
grep -qxF {EXCLUDE} .git/info/exclude 2>/dev/null || echo {EXCLUDE} >> .git/info/exclude
theirs worktree prune
if ! [ -e "$tree/.git" ]; then
  rm -rf "$tree"
  if theirs show-ref --quiet --verify "refs/heads/$branch"; then
    theirs worktree add --quiet --force "$tree" "$branch" >&2
  else
    theirs worktree add --quiet --force -b "$branch" "$tree" HEAD >&2
  fi
fi
"""
)

_BRANCH = (
    _OWN
    + r"""
case "$(theirs symbolic-ref --quiet --short HEAD)" in
  dispatch/*) ;;
  *) theirs switch --quiet --create "$branch" ;;
esac
"""
)

_COMMITTED = (
    _OWN
    + r"""
title=$2
if [ -e "$tree/.git" ]; then
  (
    cd "$tree"
    theirs add --all
    theirs diff --cached --quiet ||
      theirs commit --quiet --no-verify --no-gpg-sign --message "$title" >&2
  )
fi
"""
)

_REMOVED = r"""
[ -e "$tree" ] && theirs worktree remove --force "$tree"
theirs worktree prune
if theirs show-ref --quiet --verify "refs/heads/$branch"; then
  theirs branch --quiet -D "$branch"
fi
"""

_MERGE = (
    _COMMITTED
    + rf"""
if theirs show-ref --quiet --verify "refs/heads/$branch"; then
  if ! theirs merge --quiet --no-verify --no-gpg-sign --message "$title" "$branch" >&2; then
    theirs merge --abort 2>/dev/null || :
    exit {CONFLICT}
  fi
fi
"""
    + _REMOVED
)

_SCRIPTS = {Fate.MERGE: _MERGE, Fate.KEEP: _COMMITTED, Fate.REMOVE: _OWN + _REMOVED}


def make(tree: JobId) -> Argv:
    """The worktree of this job is there afterwards, with whatever is in it already."""
    return ("sh", "-c", _MAKE, "sh", str(tree))


def branch(job: JobId) -> Argv:
    """The project is on a branch of a job's afterwards, this one's if it was on another."""
    return ("sh", "-c", _BRANCH, "sh", str(job))


def settle(fate: Fate, tree: JobId, title: str) -> Argv:
    """What has been done there gets the `title` as its commit's message."""
    return ("sh", "-c", _SCRIPTS[fate], "sh", str(tree), title)
