"""A library that keeps a program's memory from its own children: what it read, they cannot.

A key that came by descriptor is in the agent's memory, and the kernel lets every process of the
same user read that (/proc/PID/mem), with no system call that a filter could know. A process can
forbid it for itself, PR_SET_DUMPABLE, but only after its program was started; and Claude Code
does not. So the agent is started with this library (LD_PRELOAD), whose only code does it before
the program's first own instruction, and returns. It lasts until the next exec: for what the agent
runs, it would have to be loaded anew, and `appliance.agent.program` sees to it that it is not.

Written here as bytes, because a compiler is nothing to need for five instructions. A program that
is linked statically takes no libraries and is not protected.

Sources: elf(5), prctl(2), ld.so(8).
"""

from __future__ import annotations

import struct

_CODE = {
    # mov eax, 157; mov edi, 4; xor esi, esi; syscall; ret
    "x86_64": (62, "b89d000000 bf04000000 31f6 0f05 c3"),
    # mov x8, 167; mov x0, 4; mov x1, 0; svc 0; ret
    "aarch64": (183, "e81480d2 800080d2 010080d2 010000d4 c0035fd6"),
}
"""ELF's number of the machine, and prctl(PR_SET_DUMPABLE, 0)."""

_PAGE = 0x10000  # the largest that is in use
_HEADER_BYTES, _SEGMENT_BYTES = 64, 56
_SHARED_OBJECT = 3
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_EXECUTE, _WRITE, _READ = 1, 2, 4
_STRINGS, _SYMBOLS, _STRINGS_SIZE, _SYMBOL_SIZE, _INIT = 5, 6, 10, 11, 12
_SYMBOL_BYTES = 24


def library(machine: str) -> bytes:
    """The file's content. Raises KeyError for a machine that is not known."""
    number, code = _CODE[machine]
    start = _HEADER_BYTES + 4 * _SEGMENT_BYTES
    text = bytes.fromhex(code)
    data = _dynamic(init=start)
    segments = (
        _segment(_LOAD, _READ | _EXECUTE, 0, start + len(text), _PAGE),
        _segment(_LOAD, _READ | _WRITE, _PAGE, len(data), _PAGE),
        _segment(_DYNAMIC, _READ | _WRITE, _PAGE, len(data), 8),
        _segment(_STACK, _READ | _WRITE, 0, 0, 16),  # without it the stack would be executable
    )
    first = _header(number, len(segments)) + b"".join(segments) + text
    return first.ljust(_PAGE, b"\0") + data


def _header(machine: int, segments: int) -> bytes:
    kind = b"\x7fELF" + bytes((2, 1, 1)).ljust(12, b"\0")  # 64 bits, little endian
    sizes = (_HEADER_BYTES, _SEGMENT_BYTES, segments, 64, 0, 0)
    return kind + struct.pack(
        "<HHIQQQI6H", _SHARED_OBJECT, machine, 1, 0, _HEADER_BYTES, 0, 0, *sizes
    )


def _segment(kind: int, rights: int, place: int, size: int, alignment: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, rights, place, place, place, size, size, alignment)


def _dynamic(init: int) -> bytes:
    """What the loader wants to know; there are no symbols, but it looks for a place of them."""
    entries = {_STRINGS: 0, _SYMBOLS: 0, _STRINGS_SIZE: 1, _SYMBOL_SIZE: _SYMBOL_BYTES, _INIT: init}
    tail = _PAGE + 16 * (len(entries) + 1)
    entries |= {_STRINGS: tail, _SYMBOLS: tail}
    pairs = b"".join(struct.pack("<QQ", *entry) for entry in (*entries.items(), (0, 0)))
    return pairs + bytes(_SYMBOL_BYTES)
