from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit.verify import Verdict, verify
from tests.audit.logs import sample


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A log at rest, as its writer left it."""
    path = sample(tmp_path / "log")
    assert verify(path).verdict is Verdict.INTACT
    return path
