"""The images for all tests that need a machine, each made by whichever test comes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.packaging import built
from tests.system import vm
from tests.system.installation import Installation, installed_image, packaged_image
from tests.system.vm import Image


@pytest.fixture(scope="session")
def packaged() -> Image:
    """A machine on which the package is installed and not set up, saved."""
    require_machine()
    built.require()
    return packaged_image(vm.base_image())


@pytest.fixture(scope="session")
def image(packaged: Image) -> Image:
    """A machine on which the appliance is set up and runs, saved."""
    return installed_image(packaged)


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
