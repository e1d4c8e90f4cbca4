"""A process forked ahead of time: told what to become, it is that program a moment later.

How it waits is told in `ahead.py`.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.task.ahead import Ahead, aside
from appliance.task.confinement import Confinement, confine, limit

_SIZE_BYTES = 4
_MAX_DESCRIPTORS = 16
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start; a name in `argv` is looked up on the environment's PATH.

    `descriptors` maps the program's numbers of descriptors to ours, `limits` kinds of resources
    (see setrlimit(2)) to how much of them a process may use. `confinement` is what it gives up.
    """

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    descriptors: Mapping[int, int]
    limits: Mapping[int, int] = field(default_factory=dict)
    confinement: Confinement | None = None


class Starter(Ahead):
    """One process in waiting. `pid` is our child; once started it is the program's."""

    def __init__(self) -> None:
        super().__init__(_wait_and_become)

    def start(self, command: Command) -> int:
        """Become this program; returns its pid once it runs. Raises OSError when it does not."""
        numbers, ours = zip(*command.descriptors.items(), strict=True)
        confinement = command.confinement
        if confinement is not None:
            ours = (*ours, confinement.ruleset)
        words = [
            *(command.argv, str(command.directory), dict(command.environment), numbers),
            list(command.limits.items()),
            confinement and confinement.system_calls.hex(),
        ]
        line = json.dumps(words).encode()
        socket.send_fds(self.socket, [len(line).to_bytes(_SIZE_BYTES)], ours)
        self.socket.sendall(line)
        # nothing comes when its end is closed by the program's start
        failed = self.socket.recv(_SIZE_BYTES)
        if failed:
            number = int.from_bytes(failed)
            raise OSError(number, os.strerror(number), command.argv[0])
        return self.pid


def _wait_and_become(control: socket.socket, _parent: int) -> None:
    os.setsid()
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    _become(control)


def _become(control: socket.socket) -> None:
    size, received, *_ = socket.recv_fds(control, _SIZE_BYTES, _MAX_DESCRIPTORS)
    if not size:
        return
    line = control.recv(int.from_bytes(size), socket.MSG_WAITALL)
    argv, directory, environment, numbers, limits, system_calls = json.loads(line)
    places = [aside(descriptor) for descriptor in received]
    for descriptor in received:
        os.close(descriptor)
    for number, place in zip(numbers, places, strict=False):
        os.dup2(place, number)
    try:
        os.chdir(directory)
        limit(limits)
        if system_calls is not None:
            confine(Confinement(places[-1], bytes.fromhex(system_calls)))
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - argv was checked; no shell is wanted
    except OSError as error:
        control.sendall((error.errno or errno.EINVAL).to_bytes(_SIZE_BYTES))
