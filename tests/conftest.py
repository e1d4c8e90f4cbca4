"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.task.linux import PR_SET_CHILD_SUBREAPER, prctl

CACHED = Path(__file__).parents[1] / ".cache/claude/node_modules/.bin/claude"


@pytest.fixture(scope="session")
def claude_program() -> Path:
    """The real Claude Code: DISPATCH_TEST_CLAUDE, the repository's cache, or the PATH."""
    named = os.getenv("DISPATCH_TEST_CLAUDE")
    found = named or (CACHED if CACHED.exists() else shutil.which("claude"))
    if found is None:
        why = "THE REAL CLAUDE CODE IS NOT HERE: set DISPATCH_TEST_CLAUDE, or run `make test`"
        if os.getenv("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return Path(found).resolve(strict=True)


@pytest.fixture(autouse=True)
def orphans_are_not_ours() -> Iterator[None]:
    """Parts of the daemon that run in a test's process adopt orphans, of later tests as well."""
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0)
