"""Directories of our own."""

from __future__ import annotations

from pathlib import Path


def private(directory: Path) -> Path:
    """The directory, made if it is not there, closed to everybody else."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & 0o077:
        directory.chmod(0o700)
    return directory
