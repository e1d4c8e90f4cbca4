"""Commands that keep a machine awake, played by scripts on the PATH.

Each notes its words, has the command after its options run, and notes the end.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCRIPT = """#!/bin/sh
echo "$0 $*" >> {log}
while [ "${{1#-}}" != "$1" ]; do shift; done
"$@"
echo end >> {log}
"""
DENIED = """#!/bin/sh
echo "Failed to inhibit: Access denied" >&2
exit 1
"""


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put scripts on the PATH, before everything else there."""
    for name, script in scripts.items():
        file = directory / name.replace("_", "-")
        file.write_text(script.format(log=directory / "log"))
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)


def without_a_bus(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where no D-Bus runs."""
    address = f"unix:path={directory / 'no-bus'}"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)


def said(directory: Path) -> list[str]:
    """What the scripts have noted."""
    log = directory / "log"
    return log.read_text().replace(f"{directory}/", "").splitlines() if log.exists() else []
