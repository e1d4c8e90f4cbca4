"""Descendants are found however they are named and however deep they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from appliance.task.processes import descendants, processes, send

ROOT = Path(__file__).parents[2]
INNER = "print(1, flush=True); input()"
DOUBLE = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {INNER!r}])"


def test_a_grandchild_is_a_descendant() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DOUBLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        below = descendants(os.getpid())
        assert child.pid in below
        assert len(descendants(child.pid)) == 1
        send(signal.SIGKILL, descendants(child.pid))
        child.kill()


def test_all_are_ended_whether_they_end_by_themselves_or_not() -> None:
    script = (
        "import os, subprocess, sys; from appliance.task import processes\n"
        "processes.become_subreaper()\n"
        f"subprocess.Popen([sys.executable, '-c', {DOUBLE!r}], stdin=subprocess.PIPE)\n"
        "processes.end_all(); print(processes.descendants(os.getpid()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=30
    )
    assert ended.stdout.splitlines()[-1:] == [b"()"]


def test_our_own_process_is_seen_with_its_parent_and_session() -> None:
    ours = next(found for found in processes() if found.pid == os.getpid())
    assert (ours.parent, ours.session) == (os.getppid(), os.getsid(0))


def test_signalling_what_is_gone_is_fine() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    send(signal.SIGTERM, (gone.pid,))
