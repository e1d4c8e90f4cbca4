"""The few calls of Linux that Python's library does not have. On other systems nobody asks.

Everything is loaded with this module, because nothing may be loaded between fork and exec.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_SECCOMP_MODE_FILTER = 2
_CAPABILITIES = 64
_CAPABILITY_VERSION_3 = 0x2008_0522
_INSTRUCTION_BYTES = 8

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("words", ctypes.c_uint32 * 6),)


_NO_CAPABILITIES = _CapabilitySets()

if _libc is not None:
    _libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p) + 2 * (ctypes.c_ulong,)


def prctl(option: int, value: int, pointer: object = None) -> None:
    """See prctl(2). Raises OSError."""
    _check(_libc.prctl(option, value, pointer, 0, 0) if _libc is not None else 0)


def system_call(number: int, *arguments: object) -> int:
    """See syscall(2). Raises OSError."""
    return _check(_libc.syscall(number, *arguments) if _libc is not None else -1)


def enter_namespace(descriptor: int, kind: int) -> None:
    """See setns(2). Raises OSError."""
    _check(_libc.setns(descriptor, kind) if _libc is not None else -1)


def forbid_new_privileges() -> None:
    """Never more rights than now, for us and all our children: setuid programs do not help."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up all of them for good; what root could not do without any, it cannot do now."""
    for number in range(_CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:  # not root, or the kernel knows no more
            break
    header, held = _CapabilityHeader(_CAPABILITY_VERSION_3, 0), _CapabilitySets()
    assert _libc is not None
    _check(_libc.capget(ctypes.byref(header), ctypes.byref(held)))
    if any(held.words):  # a unit's filter refuses the call to those who have nothing to give up
        _check(_libc.capset(ctypes.byref(header), ctypes.byref(_NO_CAPABILITIES)))


def filter_system_calls(program: bytes) -> None:
    """Have the kernel run this BPF program before each system call, for ever."""
    described = _Program(len(program) // _INSTRUCTION_BYTES, program)
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
