"""A program of ours as a process of its own, started as a service manager would."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0

ACTIVATE = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Listens at argv[1] and becomes what follows, as systemd does for a .socket unit."""


@contextmanager
def service(
    home: Path, command: Sequence[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """The program, with a notify socket at `home`."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={"NOTIFY_SOCKET": str(home / "notify"), **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
