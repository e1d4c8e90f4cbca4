"""An appliance, and a backup of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.backup_commands.installation import Installation


@pytest.fixture
def box(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "box").furnish()


@pytest.fixture
def file(box: Installation, tmp_path: Path) -> Path:
    return box.back_up(tmp_path / "backup")
