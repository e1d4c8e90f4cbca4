"""Where the journeys take place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """As long as any other: a phone shows paths cut short, and transcripts hold what it shows."""
    with tempfile.TemporaryDirectory(
        prefix="journey-", dir="/tmp", ignore_cleanup_errors=True
    ) as directory:
        yield Path(directory).resolve()
