from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.rig import Rig, running


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Services that run; one project is chosen."""
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("Project is now demo")
        yield rig
    rig.state.close()
