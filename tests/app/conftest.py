"""Programs of ours as systemd starts them: what it is told, word by word."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.services import PATIENCE_SECONDS


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What systemd is told, one word at a time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(PATIENCE_SECONDS)
        yield lambda: notified.recv(100).decode()
