"""`make demo` as a new user runs it: one link, a project that works, nothing outside `.demo`."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the demo needs, so that two of them do not meet."""
    for name in ("appliance", "policies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@asynccontextmanager
async def demo(checkout: Path, *arguments: str) -> AsyncIterator[tuple[str, str]]:
    """The running demo: what it printed up to the link, and the link."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.app.demo", *arguments),
        cwd=checkout,
        env={"PYTHONPATH": str(checkout), "PATH": "/usr/bin:/bin", "HOME": str(checkout)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        printed = ""
        async with asyncio.timeout(30):
            while not (found := re.search(r"http://\S+", printed)):
                line = (await process.stdout.readline()).decode()
                assert line, (await process.communicate())[1].decode()
                printed += line
        yield printed, found[0]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_the_link_opens_the_page_and_a_second_start_keeps_the_project(
    checkout: Path,
) -> None:
    async with demo(checkout) as (printed, link):
        assert "Claude Code is not set up" in printed
        async with aiohttp.ClientSession() as browser, browser.get(link) as page:
            assert page.status == 200
        head = (checkout / ".demo/sample/.git/HEAD").stat().st_mtime_ns
    async with demo(checkout) as (printed, _):
        assert str(checkout / ".demo/sample") in printed
    assert (checkout / ".demo/sample/.git/HEAD").stat().st_mtime_ns == head
    assert (checkout / ".demo").stat().st_mode & 0o777 == 0o700


async def test_a_project_of_ones_own_is_taken(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mine = tmp_path_factory.mktemp("elsewhere") / "2 My Project, with a name too long for us"
    mine.mkdir()
    async with demo(checkout, str(mine)) as (printed, _):
        assert str(mine) in printed
    settings = (checkout / ".demo/dispatch.toml").read_text()
    assert "[projects.my-project--with-a-name-too-long]" in settings


async def test_a_project_that_is_not_there_is_one_sentence(checkout: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.app.demo", "/nowhere"),
        cwd=checkout,
        env={"PYTHONPATH": str(checkout), "PATH": "/usr/bin:/bin", "HOME": str(checkout)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 78
    assert errors.decode().splitlines()[0] == "demo: error: /nowhere is not a directory"
