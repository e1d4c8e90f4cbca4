"""The last steps of a fork: a new log, made in a place of its own, takes the old one's.

The staged directory gets the name that is looked for here when the new log in it is complete and
the old one has a second name there. So whoever opens the log next, after a crash as well,
finishes what was begun: each step can be done twice.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from appliance.audit import keys
from appliance.audit.database import DATABASE, PUBLIC_KEY, SIDE_FILES

STAGED = "forking"
UNFINISHED = "forking.new"  # what a fork is called until it is complete
FORMER = "former"  # in the staged directory: the old log without its keys
REPLACED = "former-2"  # another one, which a restored log takes the place of

_KEPT = "forked-"


def complete(directory: Path) -> None:
    """Put the staged log of this directory in place, if there is one; an unfinished one goes.

    To be called with the writer's lock held. Raises OSError.
    """
    if next(directory.glob(f"{STAGED}*"), None) is not None:
        _complete(directory, directory / STAGED)


def next_place(directory: Path) -> Path:
    """Where the next log that is given up will be kept."""
    places = (directory / f"{_KEPT}{number}" for number in count(1))
    return next(place for place in places if not place.exists())


def _complete(directory: Path, staged: Path) -> None:
    import shutil  # forks are rare, and the writer is to stay small

    shutil.rmtree(directory / UNFINISHED, ignore_errors=True)
    if not staged.is_dir():
        return
    if (staged / DATABASE).exists():
        _remove_old(directory)
        (staged / DATABASE).rename(directory / DATABASE)
    for path in (staged / PUBLIC_KEY, *keys.files(staged)):
        if path.exists():
            path.rename(directory / path.name)
    for former in (staged / FORMER, staged / REPLACED):
        if former.exists():
            former.rename(next_place(directory))
    keys.sync_directory(directory)
    shutil.rmtree(staged)
    keys.sync_directory(directory)


def _remove_old(directory: Path) -> None:
    """Destroy the old keys, and the WAL that would be played into the new database."""
    from appliance.audit import index

    keys.destroy_all(directory)
    index.forget(directory)
    for name in SIDE_FILES:
        (directory / name).unlink(missing_ok=True)
    keys.sync_directory(directory)
