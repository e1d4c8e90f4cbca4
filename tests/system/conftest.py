"""One image for all tests that need a machine, made by whichever comes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system import vm
from tests.system.installation import Installation, installed_image
from tests.system.vm import Image


@pytest.fixture(scope="session")
def image() -> Image:
    """A machine on which the appliance is installed and runs, saved."""
    require_machine()
    return installed_image(vm.base_image())


def require_machine() -> None:
    """Skip the test where no machine can be had; CI has to be able to."""
    missing = [program for program in vm.NEEDED if shutil.which(program) is None]
    why = f"no {', '.join(missing)}" if missing else "not root" if os.geteuid() else ""
    if why:
        assert os.getenv("CI") != "true", f"CI cannot run a virtual machine: {why}"
        pytest.skip(f"CANNOT RUN A VIRTUAL MACHINE HERE: {why}")


@pytest_asyncio.fixture
async def house(image: Image, tmp_path: Path) -> AsyncIterator[Installation]:
    """That machine, running, for one test."""
    async with Installation(image, tmp_path) as house:
        yield house
