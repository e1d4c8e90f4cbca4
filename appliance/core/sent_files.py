"""A file of a project, as the program in its sandbox tells of it before it is sent to anybody.

The program opens the file first and then says what it has opened, so that no link is changed in
between; it says so in a line that a file's name cannot be mistaken for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.core.model import Phrase
from appliance.core.redact import redact
from appliance.core.words import phrase

MAX_BYTES = 10 * 1024 * 1024
"""Telegram takes photos up to this, and a file of this size is no burden to the database."""

_READ = """
[ -f "$1" ] || exit 3
exec 3< "$1" || exit 4
if [ -e /proc/self/fd/3 ]; then
  path=$(readlink /proc/$$/fd/3) about=$(stat -L -c '%h %s' /proc/$$/fd/3)
else
  path=$(realpath "$1") about=$(stat -L -f '%l %z' "$1")
fi || exit 4
printf '%s\\0%s\\0' "$about" "$path"
exec cat <&3
"""
_ABOUT = re.compile(rb"([0-9]{1,6}) ([0-9]{1,15})")
_NOT_THERE, _NOT_READABLE = 3, 4


@dataclass(frozen=True, slots=True)
class Found:
    """What was opened: its real path, and what is in it."""

    path: str
    content: bytes


def reading(path: str) -> tuple[str, ...]:
    """The program that opens a file; `path` as seen from where it runs."""
    return ("sh", "-c", _READ, "sh", path if path.startswith("/") else f"./{path}")


def limit_bytes() -> int:
    """How much of what it prints is looked at."""
    return MAX_BYTES + 8192


def found(status: int, output: bytes) -> Found | Phrase:
    """The file, or why there is none to be sent. `status` -1: it printed more than the limit."""
    if status == _NOT_THERE:
        return phrase("there is no such file in the project.")
    if status == _NOT_READABLE:
        return phrase("it cannot be read.")
    about, _, rest = output.partition(b"\0")
    path, _, content = rest.partition(b"\0")
    counted = _ABOUT.fullmatch(about)
    if counted is None or not path.startswith(b"/"):
        return phrase("it cannot be read.")
    if int(counted[2]) > MAX_BYTES or status == -1:
        return phrase("it has more than {most} MB.", most=MAX_BYTES // 2**20)
    if int(counted[1]) != 1:
        # another name of a file that may not be read would be a way round the policy
        return phrase("the same file has another name, too. Copy it first.")
    if status != 0 or not content:
        return phrase("it is empty, or cannot be read.")
    return Found(path.decode("utf-8", "surrogateescape"), content)


def holds_secrets(content: bytes) -> bool:
    """Whether a text has something in it that looks like a key or a password."""
    text = content.decode("utf-8", "replace")
    return redact(text) != text
