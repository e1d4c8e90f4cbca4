"""The filter refuses what it names on every machine, and lets the rest through."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.task import linux
from appliance.task.seccomp import (
    ALLOW,
    ERRNO,
    KILL,
    LAST_KNOWN,
    LOOKED_INTO,
    MACHINES,
    NAMESPACES,
    Ids,
    Sockets,
    program,
)

OURS = Ids(user=990, group=991)
ALL = Sockets(unix=True, datagrams=True)
FEW = Sockets(unix=False, datagrams=False)
REFUSED = ERRNO | errno.EPERM
UNKNOWN = ERRNO | errno.ENOSYS
CLONE_NEWUSER, CLONE_THREAD, SIGCHLD = 0x10000000, 0x10000, 17
MSG_FASTOPEN, IPPROTO_MPTCP, IPPROTO_SCTP = 0x20000000, 262, 132

machines = pytest.mark.parametrize("machine", MACHINES)


def verdict(
    machine: str, name: str | int, *arguments: int, sockets: Sockets = FEW, audit: int | None = None
) -> int:
    """What the kernel would do, by our own reading of the program."""
    number = MACHINES[machine].numbers[name] if isinstance(name, str) else name
    words = [*arguments, *[0] * (6 - len(arguments))]
    audit = MACHINES[machine].audit if audit is None else audit
    return run(program(machine, sockets, OURS), struct.pack("=IIQ6Q", number, audit, 0, *words))


def run(code: bytes, data: bytes) -> int:
    """A classic BPF machine with the instructions that we use."""
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, value = instructions[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, value)[0]
            case 0x54:
                accumulator &= value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(operation)


@machines
@pytest.mark.parametrize("sockets", [ALL, FEW], ids=["all sockets", "few sockets"])
def test_what_is_named_is_refused_whatever_its_arguments(machine: str, sockets: Sockets) -> None:
    always = MACHINES[machine].numbers.keys() - LOOKED_INTO
    assert {name for name in always if verdict(machine, name, sockets=sockets) != REFUSED} == set()
    assert MACHINES[machine].numbers.keys() >= LOOKED_INTO


@machines
@given(st.integers(0, LAST_KNOWN), st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_what_is_not_named_is_let_through(machine: str, number: int, arguments: list[int]) -> None:
    if number not in MACHINES[machine].numbers.values():
        assert verdict(machine, number, *arguments) == ALLOW


@machines
@given(st.integers(LAST_KNOWN + 1, 2**32 - 1))
def test_calls_that_are_newer_than_we_are_do_not_exist(machine: str, number: int) -> None:
    first_foreign = MACHINES[machine].first_foreign
    is_foreign = first_foreign is not None and number >= first_foreign
    assert verdict(machine, number) == (KILL if is_foreign else UNKNOWN)


@machines
@given(st.integers(0, 2**32 - 1), st.integers(0, LAST_KNOWN))
def test_the_calls_of_another_machine_end_the_program(
    machine: str, audit: int, number: int
) -> None:
    if audit != MACHINES[machine].audit:
        assert verdict(machine, number, audit=audit) == KILL


@machines
@pytest.mark.parametrize(("name", "own"), [("setresuid", OURS.user), ("setresgid", OURS.group)])
def test_whoever_asks_to_stay_who_he_is_is_told_yes_and_nobody_else(
    machine: str, name: str, own: int
) -> None:
    same, done = 2**32 - 1, ERRNO
    for asked in ((own, own, own), (same, own, same), (same, same, same)):
        assert verdict(machine, name, *asked) == done
    for asked in ((0, own, own), (same, 0, same), (own, own, 0), (own + 1, same, same)):
        assert verdict(machine, name, *asked) == REFUSED


@machines
def test_threads_and_children_may_be_made_but_no_namespaces(machine: str) -> None:
    assert verdict(machine, "clone", CLONE_THREAD | SIGCHLD) == ALLOW
    assert verdict(machine, "clone", SIGCHLD | 0x80) == ALLOW  # a signal's bit, not a namespace's
    assert verdict(machine, "clone3", 0, 88) == UNKNOWN  # libraries use clone then
    assert verdict(machine, "unshare", 0x400) == ALLOW  # CLONE_FILES
    for bit in (1 << shift for shift in range(32) if NAMESPACES >> shift & 1):
        assert verdict(machine, "unshare", bit) == REFUSED
        assert verdict(machine, "clone", bit | SIGCHLD) == (REFUSED if bit > 0xFF else ALLOW)


@machines
def test_flags_are_read_where_the_kernel_reads_them(machine: str) -> None:
    assert verdict(machine, "unshare", CLONE_NEWUSER | 1 << 63) == REFUSED
    assert verdict(machine, "socket", socket.AF_NETLINK | 1 << 32, 3, 0, sockets=ALL) == REFUSED


@machines
def test_only_families_that_are_named_can_be_opened(machine: str) -> None:
    named = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}
    for family in range(64):
        expected = ALLOW if family in named else REFUSED
        assert verdict(machine, "socket", family, socket.SOCK_STREAM, 0, sockets=ALL) == expected
    assert verdict(machine, "socket", socket.AF_UNIX, socket.SOCK_STREAM) == REFUSED


@machines
@pytest.mark.parametrize(
    ("kind", "protocol", "with_few", "with_all"),
    [
        (socket.SOCK_STREAM, 0, ALLOW, ALLOW),
        (socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 6, ALLOW, ALLOW),
        (socket.SOCK_STREAM, IPPROTO_MPTCP, REFUSED, REFUSED),
        (socket.SOCK_STREAM, IPPROTO_SCTP, REFUSED, REFUSED),
        (socket.SOCK_DGRAM, 0, REFUSED, ALLOW),
        (socket.SOCK_DGRAM, 17, REFUSED, ALLOW),
        (socket.SOCK_DGRAM, socket.IPPROTO_ICMP, REFUSED, REFUSED),
        (socket.SOCK_RAW, socket.IPPROTO_ICMP, REFUSED, REFUSED),
        (socket.SOCK_SEQPACKET, IPPROTO_SCTP, REFUSED, REFUSED),
    ],
)
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_of_the_internet_there_is_tcp_and_udp_where_it_is_wanted(
    machine: str, family: int, kind: int, protocol: int, with_few: int, with_all: int
) -> None:
    assert verdict(machine, "socket", family, kind, protocol, sockets=FEW) == with_few
    assert verdict(machine, "socket", family, kind, protocol, sockets=ALL) == with_all


@machines
def test_a_pair_of_datagram_sockets_needs_the_right_to_paths(machine: str) -> None:
    for kind, with_few in ((socket.SOCK_STREAM, ALLOW), (socket.SOCK_DGRAM, REFUSED)):
        assert verdict(machine, "socketpair", socket.AF_UNIX, kind) == with_few
        assert verdict(machine, "socketpair", socket.AF_UNIX, kind, sockets=ALL) == ALLOW


@machines
@pytest.mark.parametrize(("name", "place"), [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)])
def test_a_connection_needs_connect_where_it_is_watched(
    machine: str, name: str, place: int
) -> None:
    flags = [0] * place
    assert verdict(machine, name, *flags, MSG_FASTOPEN | 0x4000) == REFUSED
    assert verdict(machine, name, *flags, 0x4000) == ALLOW
    assert verdict(machine, name, *flags, MSG_FASTOPEN, sockets=ALL) == ALLOW


@machines
def test_nobody_types_into_a_terminal_or_limits_others(machine: str) -> None:
    assert verdict(machine, "ioctl", 0, 0x5412) == REFUSED
    assert verdict(machine, "ioctl", 0, 0x5412 | 1 << 40) == REFUSED  # the kernel takes 32 bits
    assert verdict(machine, "ioctl", 0, 0x5413) == ALLOW
    assert verdict(machine, "prlimit64", 0, 7) == ALLOW
    assert verdict(machine, "prlimit64", 4711, 7) == REFUSED


def test_a_machine_that_we_do_not_know_has_no_filter() -> None:
    with pytest.raises(KeyError):
        program("pdp11", ALL, OURS)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_the_kernel_takes_the_program_and_does_as_we_read_it() -> None:
    machine = os.uname().machine
    numbers = MACHINES[machine].numbers
    libc = ctypes.CDLL(None, use_errno=True)

    def act() -> int:
        linux.forbid_new_privileges()
        linux.filter_system_calls(program(machine, FEW, OURS))
        for name in ("fsopen", "keyctl"):
            assert libc.syscall(numbers[name], 0, 0, 0, 0) == -1
            assert ctypes.get_errno() == errno.EPERM
        assert libc.syscall(LAST_KNOWN + 1, 0) == -1
        assert ctypes.get_errno() == errno.ENOSYS
        os.close(os.open("/dev/null", os.O_RDONLY))
        return 0

    assert in_a_child(act) == 0


def in_a_child(act: Callable[[], int]) -> int:
    """What it returns; 1 when it fails."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(act())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
