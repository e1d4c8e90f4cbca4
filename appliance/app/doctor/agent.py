"""The agent's program and its login, asked as the agent's user."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.app.agent_commands import examined
from appliance.app.doctor.check import Check, failed, passed, warned
from appliance.config import ClaudeSettings, Settings


def checks(settings: Settings) -> Iterator[Check]:
    if settings.claude is None:
        yield warned("claude", "not set up, only recipes work", "add [claude]")
    else:
        yield _claude(settings.claude)


def _claude(claude: ClaudeSettings) -> Check:
    state = examined(claude)
    if state.problem:
        found, _, fix = state.problem.partition("; ")
        return failed("claude", found, fix)
    how = "given its key by descriptor" if claude.login else "logged in"
    return passed("claude", f"version {state.version}, {how}")
