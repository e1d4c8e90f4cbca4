"""The real browser, one for each module."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.page import chromium, chromium_program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = chromium_program()
    if program is None and os.getenv("CI") == "true":
        pytest.fail("there is no Chromium on this machine")
    if program is None:
        pytest.skip("SKIPPED: there is no Chromium on this machine, pages are not looked at")
    async with chromium(program) as started:
        yield started
