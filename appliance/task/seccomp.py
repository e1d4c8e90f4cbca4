"""Which system calls a task may not make: a filter that the kernel runs before each of them.

A list of what is refused, because nobody knows all that compilers, package managers and browsers
need; but calls newer than `LAST_KNOWN` are refused, too, as if the kernel did not have them yet.
The refused ones look into or change other processes (ptrace), the machine (mount, modules, clock,
swap), or parts of the kernel that have been ways out before (bpf, io_uring, keys, userfaultfd,
user namespaces). No filter can look behind a pointer: which path is opened and which address is
connected to is not decided here.

The program is classic BPF, as seccomp(2) takes it and as `bwrap --seccomp` reads it.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LAST_KNOWN = 469
"""file_setattr, of Linux 6.17. Later numbers are the same on all machines."""

NAMESPACES = 0x7E02_0080
"""CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}; in clone(2) the last one's bit is a signal's."""

_SIGNAL = 0xFF
_TYPE = 0xF  # of a socket, without SOCK_CLOEXEC and SOCK_NONBLOCK
# other protocols (MPTCP, SCTP, SMC) are TCP to a program, but not to Landlock
_PROTOCOLS = {
    socket.SOCK_STREAM: (0, socket.IPPROTO_TCP),
    socket.SOCK_DGRAM: (0, socket.IPPROTO_UDP),
}
_FAST_OPEN = 0x2000_0000  # MSG_FASTOPEN
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into somebody's terminal


@dataclass(frozen=True, slots=True)
class Sockets:
    """What may be asked for besides TCP.

    `unix`: sockets with a path, also those of others. `datagrams`: UDP. Both are for a task whose
    namespaces keep it from finding anybody there. Without `datagrams` TCP needs connect(2): a
    connection that begins with data (fast open) is one that Landlock does not see.
    """

    unix: bool
    datagrams: bool


@dataclass(frozen=True, slots=True)
class Ids:
    """Whose the task is."""

    user: int
    group: int


class Machine(NamedTuple):
    """A processor: the kernel's name for it (AUDIT_ARCH_*), and its numbers of system calls."""

    audit: int
    numbers: dict[str, int]
    first_foreign: int | None = None  # from here on another calling convention's (x32)


# the same everywhere: every call since Linux 5.1
_COMMON = {
    "clone3": 435,
    "fsconfig": 431,
    "fsmount": 432,
    "fsopen": 430,
    "fspick": 433,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "io_uring_setup": 425,
    "mount_setattr": 442,
    "move_mount": 429,
    "open_tree": 428,
    "open_tree_attr": 467,
    "pidfd_getfd": 438,
    "quotactl_fd": 443,
}
_X86_64 = {
    "acct": 163,
    "add_key": 248,
    "adjtimex": 159,
    "bpf": 321,
    "chroot": 161,
    "clock_adjtime": 305,
    "clock_settime": 227,
    "clone": 56,
    "delete_module": 176,
    "fanotify_init": 300,
    "finit_module": 313,
    "init_module": 175,
    "ioctl": 16,
    "ioperm": 173,
    "iopl": 172,
    "kcmp": 312,
    "kexec_file_load": 320,
    "kexec_load": 246,
    "keyctl": 250,
    "lookup_dcookie": 212,
    "mount": 165,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "perf_event_open": 298,
    "pivot_root": 155,
    "prlimit64": 302,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "ptrace": 101,
    "quotactl": 179,
    "reboot": 169,
    "request_key": 249,
    "sendmmsg": 307,
    "sendmsg": 46,
    "sendto": 44,
    "setdomainname": 171,
    "sethostname": 170,
    "setresgid": 119,
    "setresuid": 117,
    "setns": 308,
    "settimeofday": 164,
    "socket": 41,
    "socketpair": 53,
    "swapoff": 168,
    "swapon": 167,
    "syslog": 103,
    "umount2": 166,
    "unshare": 272,
    "userfaultfd": 323,
    "vhangup": 153,
}
_AARCH64 = {
    "acct": 89,
    "add_key": 217,
    "adjtimex": 171,
    "bpf": 280,
    "chroot": 51,
    "clock_adjtime": 266,
    "clock_settime": 112,
    "clone": 220,
    "delete_module": 106,
    "fanotify_init": 262,
    "finit_module": 273,
    "init_module": 105,
    "ioctl": 29,
    "kcmp": 272,
    "kexec_file_load": 294,
    "kexec_load": 104,
    "keyctl": 219,
    "lookup_dcookie": 18,
    "mount": 40,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "perf_event_open": 241,
    "pivot_root": 41,
    "prlimit64": 261,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "ptrace": 117,
    "quotactl": 60,
    "reboot": 142,
    "request_key": 218,
    "sendmmsg": 269,
    "sendmsg": 211,
    "sendto": 206,
    "setdomainname": 162,
    "sethostname": 161,
    "setresgid": 149,
    "setresuid": 147,
    "setns": 268,
    "settimeofday": 170,
    "socket": 198,
    "socketpair": 199,
    "swapoff": 225,
    "swapon": 224,
    "syslog": 116,
    "umount2": 39,
    "unshare": 97,
    "userfaultfd": 282,
    "vhangup": 58,
}
MACHINES = {
    "x86_64": Machine(0xC000_003E, _COMMON | _X86_64, first_foreign=0x4000_0000),
    "aarch64": Machine(0xC000_00B7, _COMMON | _AARCH64),
}
"""By the name that `os.uname` has for them."""

LOOKED_INTO = frozenset(
    {
        *("clone", "clone3", "ioctl", "prlimit64", "unshare"),
        *("sendmmsg", "sendmsg", "sendto", "setresgid", "setresuid", "socket", "socketpair"),
    }
)
"""Refused only with certain arguments; every other name in a machine's table is always refused."""


# --- the program


class Instruction(NamedTuple):
    """One `struct sock_filter`; jumps are relative to the next instruction."""

    code: int
    if_true: int
    if_false: int
    value: int


_LOAD, _AND = 0x20, 0x54
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_RETURN = 0x06
_NUMBER_OFFSET, _MACHINE_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16  # in `struct seccomp_data`

ALLOW = 0x7FFF_0000
KILL = 0x8000_0000
ERRNO = 0x0005_0000
_DONE = ERRNO  # no error, and nothing is done
_AS_IT_IS = 0xFFFF_FFFF


def program(machine: str, sockets: Sockets, ids: Ids) -> bytes:
    """The filter for this machine. Raises KeyError when we do not know its system calls."""
    audit, numbers, first_foreign = MACHINES[machine]
    instructions = [
        _load(_MACHINE_OFFSET),
        Instruction(_EQUAL, 1, 0, audit),
        _end(KILL),
        _load(_NUMBER_OFFSET),
    ]
    if first_foreign is not None:
        instructions += [Instruction(_AT_LEAST, 0, 1, first_foreign), _end(KILL)]
    instructions += [Instruction(_AT_LEAST, 0, 1, LAST_KNOWN + 1), _refuse(errno.ENOSYS)]
    for name, number in sorted(numbers.items()):
        body = _body(name, sockets, ids)
        instructions += [Instruction(_EQUAL, 0, len(body), number), *body]
    instructions.append(_end(ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _body(name: str, sockets: Sockets, ids: Ids) -> list[Instruction]:
    """What becomes of one call; always ends the program."""
    match name:
        case "clone":
            return [_load_argument(0), *_refuse_bits(NAMESPACES & ~_SIGNAL), _end(ALLOW)]
        case "unshare":
            return [_load_argument(0), *_refuse_bits(NAMESPACES), _end(ALLOW)]
        case "clone3":
            # its flags are behind a pointer; libraries fall back to clone(2)
            return [_refuse(errno.ENOSYS)]
        case "ioctl":
            return [_load_argument(1), *_refuse_values(_TERMINAL_INPUT), _end(ALLOW)]
        case "prlimit64":
            # our own limits, not those of others
            return [
                _load_argument(0),
                Instruction(_EQUAL, 0, 1, 0),
                _end(ALLOW),
                _refuse(errno.EPERM),
            ]
        case "socket":
            return [*_families(sockets)]
        case "setresuid":
            return [*_unchanged(ids.user)]
        case "setresgid":
            return [*_unchanged(ids.group)]
        case "socketpair":
            return [*_pairs(sockets)]
        case "sendto" | "sendmmsg":
            return [*_sending(3, sockets)]
        case "sendmsg":
            return [*_sending(2, sockets)]
        case _:
            return [_refuse(errno.EPERM)]


def _unchanged(own: int) -> Iterator[Instruction]:
    """Whoever asks to be who he is gets his yes here: a unit's filter refuses the call to all."""
    for number in range(3):
        yield _load_argument(number)
        yield Instruction(_EQUAL, 2, 0, own)
        yield Instruction(_EQUAL, 1, 0, _AS_IT_IS)
        yield _refuse(errno.EPERM)
    yield _end(_DONE)


def _families(sockets: Sockets) -> Iterator[Instruction]:
    types = [socket.SOCK_STREAM, *([socket.SOCK_DGRAM] if sockets.datagrams else [])]
    yield _load_argument(0)
    yield Instruction(_EQUAL, 0, 1, socket.AF_UNIX)
    yield _end(ALLOW) if sockets.unix else _refuse(errno.EPERM)
    yield Instruction(_EQUAL, 2, 0, socket.AF_INET)
    yield Instruction(_EQUAL, 1, 0, socket.AF_INET6)
    yield _refuse(errno.EPERM)
    yield _load_argument(1)
    yield Instruction(_AND, 0, 0, _TYPE)
    for kind in types:
        protocols = _PROTOCOLS[kind]
        yield Instruction(_EQUAL, 0, 2 + 2 * len(protocols), kind)
        yield _load_argument(2)
        for protocol in protocols:
            yield Instruction(_EQUAL, 0, 1, protocol)
            yield _end(ALLOW)
        yield _refuse(errno.EPERM)
    yield _refuse(errno.EPERM)


def _pairs(sockets: Sockets) -> Iterator[Instruction]:
    """One of a pair of datagram sockets could be connected anew, to somebody else's path."""
    yield _load_argument(1)
    yield Instruction(_AND, 0, 0, _TYPE)
    yield Instruction(_EQUAL, 0, 1, socket.SOCK_DGRAM)
    yield _end(ALLOW) if sockets.unix else _refuse(errno.EPERM)
    yield _end(ALLOW)


def _sending(flags: int, sockets: Sockets) -> Iterator[Instruction]:
    if not sockets.datagrams:
        yield _load_argument(flags)
        yield from _refuse_bits(_FAST_OPEN)
    yield _end(ALLOW)


def _refuse_bits(bits: int) -> list[Instruction]:
    return [Instruction(_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM)]


def _refuse_values(values: tuple[int, ...]) -> Iterator[Instruction]:
    for value in values:
        yield Instruction(_EQUAL, 0, 1, value)
        yield _refuse(errno.EPERM)


def _load(offset: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, offset)


def _load_argument(index: int) -> Instruction:
    """Its lower half, and both machines put that first; what is asked here never looks further."""
    return _load(_ARGUMENTS_OFFSET + 8 * index)


def _refuse(number: int) -> Instruction:
    return _end(ERRNO | number)


def _end(verdict: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, verdict)
