"""Landlock: a process tells the kernel which files and ports it needs, and has no others any more.

Unprivileged, without namespaces and without a program of somebody else's; it works inside a
systemd unit and where user namespaces are forbidden. A rule is about a directory and all below,
and rules only add: of a directory that contains something hidden, everything else is named
(`readable_below`), and what is created there later is not seen.

What it cannot do is told in `SHORTFALL`. Paths can still be walked and their metadata read, but
neither opened nor listed. Since Linux 5.13; what it knows is told by its ABI version.

Sources: Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h of Linux.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.task.linux import system_call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ASK_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ABI = (1 << 13) - 1  # all rights of the first version
_SINCE = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
_NODES = (1 << 6) | (1 << 11)  # MAKE_CHAR, MAKE_BLOCK: nobody in a task makes devices
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1

NET_ABI, SCOPE_ABI = 4, 6

MINIMUM_ABI = SCOPE_ABI
"""Below this (Linux 6.12) a task could connect anywhere and signal our processes: then Landlock is
no wall of its own, only something to put inside another."""

SHORTFALL = (
    "with Landlock alone a project's .git/hooks, .git/config and .claude can be changed, who may "
    "read the user's other files can be changed, command lines of other processes can be read, "
    "and the proxy's port can be reached on other hosts, too"
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a task may do with files and ports; everything else is refused.

    `ports`: TCP ports it may connect to, on whatever host; None: as if there was no Landlock.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    devices: tuple[Path, ...]
    ports: tuple[int, ...] | None


def abi() -> int:
    """The version of the kernel's Landlock, 0 when it has none."""
    with suppress(OSError):
        return system_call(CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return 0


def ruleset(allowance: Allowance) -> int:
    """A descriptor of the rules, for `restrict`. Paths that do not exist are left out.

    Rights that this kernel does not know are not asked for. Raises OSError.
    """
    version = abi()
    files = _FIRST_ABI | _known(_SINCE, version)
    net = _BIND_TCP | _CONNECT_TCP if allowance.ports is not None and version >= NET_ABI else 0
    scope = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= SCOPE_ABI else 0
    attributes = struct.pack("=QQQ", files, net, scope)[: 8 * _words(version)]
    descriptor = system_call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        rules = {
            **dict.fromkeys(allowance.readable, READ),
            **dict.fromkeys(allowance.devices, READ_FILE | WRITE_FILE | IOCTL_DEV),
            **dict.fromkeys(allowance.writable, files & ~_NODES & ~IOCTL_DEV),
        }
        for path, rights in rules.items():
            _allow_path(descriptor, path, rights & files)
        for port in allowance.ports or () if net else ():
            _add(descriptor, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def restrict(descriptor: int) -> None:
    """From now on these rules hold for us and all we start. Needs no_new_privs. Raises OSError."""
    system_call(RESTRICT_SELF, descriptor, 0)


def readable_below(root: Path, hidden: Iterable[Path]) -> Iterator[Path]:
    """`root`, or what is in it, without what is hidden. Links are left out: they lead elsewhere."""
    inside = [path for path in hidden if path.is_relative_to(root)]
    if not inside:
        yield root
    elif root not in inside and root.is_dir():
        for path in _listed(root):
            if not path.is_symlink():
                yield from readable_below(path, inside)


def _listed(directory: Path) -> list[Path]:
    """What we may not list has nothing that we could show to a task."""
    try:
        return sorted(directory.iterdir())
    except PermissionError:
        return []


def _known(since: dict[int, int], version: int) -> int:
    rights = 0
    for first, right in since.items():
        rights |= right if version >= first else 0
    return rights


def _words(version: int) -> int:
    """The kernel refuses a structure that is longer than it knows."""
    return 1 + (version >= NET_ABI) + (version >= SCOPE_ABI)


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        is_directory = os.path.isdir(f"/proc/self/fd/{descriptor}")  # noqa: PTH112
        rights = rights if is_directory else rights & _OF_FILES
        _add(ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor))
    finally:
        os.close(descriptor)


def _add(ruleset: int, kind: int, rule: bytes) -> None:
    system_call(ADD_RULE, ruleset, kind, rule, 0)
