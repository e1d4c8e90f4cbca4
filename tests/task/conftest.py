"""Grounds for real tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grounds import Grounds


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds.make(tmp_path)
