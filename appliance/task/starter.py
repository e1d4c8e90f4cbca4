"""A process forked ahead of time: told what to become, it is that program a moment later.

Forking Python takes longer than everything else between a message and its agent, so it is done
while nobody waits. Until it is told, the process holds nothing but one end of a socket pair, whose
end is also its end; the kernel kills it when its parent dies.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.task.processes import die_with_parent

_SIZE_BYTES = 4
_MAX_DESCRIPTORS = 16
_ASIDE = 100
"""Descriptors are first moved up here, so that none is where another belongs."""
_HIGHEST = 65_536
_CANNOT_START = 127
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start; a name in `argv` is looked up on the environment's PATH.

    `descriptors` maps the program's numbers of descriptors to ours.
    """

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    descriptors: Mapping[int, int]


class Starter:
    """One process in waiting. `pid` is our child; once started it is the program's."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _wait_and_become(theirs, parent)
        theirs.close()

    def start(self, command: Command) -> int:
        """Become this program; returns its pid once it runs. Raises OSError when it does not."""
        numbers, ours = zip(*command.descriptors.items(), strict=True)
        words = [command.argv, str(command.directory), dict(command.environment), numbers]
        line = json.dumps(words).encode()
        socket.send_fds(self._socket, [len(line).to_bytes(_SIZE_BYTES)], ours)
        self._socket.sendall(line)
        # nothing comes when its end is closed by the program's start
        failed = self._socket.recv(_SIZE_BYTES)
        if failed:
            number = int.from_bytes(failed)
            raise OSError(number, os.strerror(number), command.argv[0])
        return self.pid

    def close(self) -> None:
        """See one that was not needed end; it is told by the socket's end."""
        self._socket.close()
        with suppress(ChildProcessError):  # the supervisor has seen it
            os.waitpid(self.pid, 0)


def _wait_and_become(theirs: socket.socket, parent: int) -> None:
    """The child's whole life; whatever happens, it never comes back into the launcher's code."""
    try:
        die_with_parent(parent)
        os.setsid()
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        control = socket.socket(fileno=_aside(theirs.fileno()))
        os.closerange(0, control.fileno())  # it keeps nothing of the launcher's open
        os.closerange(control.fileno() + 1, _HIGHEST)
        _become(control)
    finally:
        os._exit(_CANNOT_START)


def _become(control: socket.socket) -> None:
    size, received, *_ = socket.recv_fds(control, _SIZE_BYTES, _MAX_DESCRIPTORS)
    if not size:
        return
    line = control.recv(int.from_bytes(size), socket.MSG_WAITALL)
    argv, directory, environment, numbers = json.loads(line)
    places = [_aside(descriptor) for descriptor in received]
    for descriptor in received:
        os.close(descriptor)
    for number, place in zip(numbers, places, strict=True):
        os.dup2(place, number)
    try:
        os.chdir(directory)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - argv was checked; no shell is wanted
    except OSError as error:
        control.sendall((error.errno or errno.EINVAL).to_bytes(_SIZE_BYTES))


def _aside(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ASIDE)
