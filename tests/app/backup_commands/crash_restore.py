"""Restores that are killed at one step after the other, and what is then on the disk.

Run as a program, because it forks: `python -m tests.app.backup_commands.crash_restore DIR`. Prints
how many there were before and behind the point from which there is no way back.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from appliance.app.backup_commands.placing import PLAN
from tests.app.backup_commands.installation import Installation

WIDE, FINE = 13, 3
STEPS = ("rename", "replace", "unlink", "link", "mkdir", "rmdir", "fsync")


def main(place: Path) -> int:
    box = Installation(place / "box").furnish()
    file = box.back_up(place / "backup")
    box.pair("later")
    box.record()
    shutil.copytree(box.home, place / "kept")
    undone = finished = step = 0
    stride = WIDE
    while _dies_afresh(box, place / "kept", file, step := step + stride):
        if box.settings.with_name(PLAN).exists() or box.accounts() == ["alice"]:
            if stride == WIDE:  # the point is between the last two: look closely from there on
                step, stride = step - WIDE, FINE
                continue
            _finish(box, step)
            finished += 1
        else:
            _is_as_before(box, place / "kept")
            undone += 1
    _is_restored(box)
    print(f"undone {undone}, finished {finished}")
    return int(not undone or not finished)


def _dies_afresh(box: Installation, kept: Path, file: Path, step: int) -> bool:
    shutil.rmtree(box.home)
    shutil.copytree(kept, box.home)
    return _run(lambda: box.restore(file, "--replace"), dies_at=step) == -signal.SIGKILL


def _finish(box: Installation, step: int) -> None:
    """The rest is done; now and then that dies as well."""
    if step % 3 == 0:
        _run(lambda: box.ctl("restore", "--finish"), dies_at=step % 7)
    if box.settings.with_name(PLAN).exists():
        assert _run(lambda: box.ctl("restore", "--finish"), dies_at=0) == 0
    _is_restored(box)


def _is_as_before(box: Installation, kept: Path) -> None:
    former = Installation(kept)
    assert box.settings.read_bytes() == former.settings.read_bytes()
    assert box.accounts() == ["later"]
    assert len(box.logs()) == 1
    box.record()  # and it goes on


def _is_restored(box: Installation) -> None:
    assert box.accounts() == ["alice"]
    assert sorted(box.logs()) == ["audit", "forked-1", "forked-2"]
    assert not list(box.home.rglob(".restored*"))
    assert not list(box.home.rglob(PLAN))
    assert (box.home / "etc/policies/commands.toml").exists()
    assert (box.state / "before-restore-1/state.db").exists()
    assert (box.home / "etc/before-restore-1/dispatch.toml").exists()
    box.record()


def _run(act: Callable[[], int], dies_at: int) -> int:
    """Exit status of a child that does it, and is killed before its step of that number."""
    child = os.fork()
    if child == 0:
        _die_before(dies_at)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os._exit(act())
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _die_before(step: int) -> None:
    taken = count(1)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            if next(taken) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return act

    os.fsync = lambda fd: None  # processes are killed here, not power: it would only take time
    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
