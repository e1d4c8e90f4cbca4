"""Whether the state's disk has room, for the daemon and for doctor alike."""

from __future__ import annotations

import os
from pathlib import Path

WARNED_BYTES = 500_000_000
NEEDED_BYTES = 50_000_000
FIX = "make room: nothing is accepted on a full disk"


def free_bytes(directory: Path) -> int:
    """What a directory may still take; one that is not there yet: where it will be made."""
    while not directory.exists():
        directory = directory.parent
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def shortfall(directory: Path) -> str:
    """One line when too little is left, else ""."""
    free = free_bytes(directory)
    return f"{in_words(free, directory)}; {FIX}" if free < NEEDED_BYTES else ""


def in_words(free: int, directory: Path) -> str:
    return f"{free // 1_000_000:,} MB free for {directory}"
