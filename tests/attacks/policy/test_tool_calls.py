"""Odd inputs to the tools that are no shell: whatever is allowed stays within its rule."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from appliance.core.model import Allowed
from appliance.policy.loaded import LoadedPolicy
from tests.policy import policies_on_disk as disk

RULES = (
    "g, me, dev",
    "p, dev, demo, read, **, allow",
    "p, dev, demo, write, src/**, allow",
    "p, dev, demo, web, *.python.org, allow",
    "p, dev, demo, mcp, github/get_*, allow",
    "p, dev, demo, agent, Explore, allow",
    "p, dev, demo, bash, git status **, allow",
)

READING = [("Read", "file_path"), ("NotebookRead", "notebook_path"), ("LS", "path"),
           ("Glob", "path"), ("Grep", "path"), ("Glob", "pattern"), ("Grep", "glob")]  # fmt: skip
WRITING = [("Write", "file_path"), ("Edit", "file_path"), ("MultiEdit", "file_path"),
           ("NotebookEdit", "notebook_path")]  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "Write": {"content": ""},
    "Edit": {"old_string": "", "new_string": ""},
    "MultiEdit": {"edits": []},
    "NotebookEdit": {"new_source": ""},
    "Glob": {"pattern": "*"},
    "Grep": {"pattern": "x"},
}

NEVER: list[Any] = [
    "..", "../x", "src/../../x", "/etc/passwd", "//etc/passwd", "/", "~", "~/.ssh/id_rsa", "~root",
    "src/a\x00.py", "src/a\n.py", "src/\u202ea.py", "src/\u200da.py", "\ud800", "src/\ud800",
    "file:///etc/passwd", "src/.env", "src/.ENV", "src/.env ", "src/.env.", "src/x.pem",
    "src/id_rsa", "out/passwd", "src/out/passwd", "envlink", "src/envlink", "here/x", "open",
    "/proc/self/environ", "/proc/1/fd/0", "/dev/fd/0", "src/" + "a/" * 3_000, 5, True, 1.5,
    ["src/a.py"], {"a": 1},
]  # fmt: skip
NEVER_WRITTEN: list[Any] = [
    "a.py", "", ".", None, "src/.git/config", "src/.GIT/config", "src/.git./config",
    "src/.git /config", "src/git~1/config", "src/.git::$INDEX_ALLOCATION/x", "src/\uff0egit/config",
    "git-link/config", "src/.claude/x", "src/.Claude/x", "src/.mcp.json", "src/.bashrc",
    "src/.vscode/x", "src/.envrc", "src/.cursor/mcp.json", " src/a.py", "src\\a.py", "srcs/a.py",
]  # fmt: skip
ADDRESSES: list[Any] = [
    "http://docs.python.org", "https://docs.python.org.", "https://a@docs.python.org",
    "https://docs.python.org@evil.example", "https://evil.example#.python.org",
    "https://evil.example?.python.org", "https://evil.example/.python.org",
    "https://evil.example\\.python.org", "https://evil.example%00.python.org",
    "https://docs.python.org:8443", "https://docs.python.org:0", "https://docs.python.org:99999",
    "https://docs.python.org:", "https://docs.python.org:80:443", "https://[::1]", "https://127.0.0.1",
    "https://[::ffff:127.0.0.1]", "https://2130706433", "https://0177.0.0.1", "https://0x7f.1",
    "https://xn--80ak.python.org", "https://docs.pyth\u043en.org", "https://docs\u3002python\u3002org",
    "https://docs.python.org\n", " https://docs.python.org", "https://docs.python.org\u2028",
    "https://\u24d3ocs.python.org", "https://docs.python.org:\uff14\uff14\uff13",
    "//docs.python.org",
    "file:///etc/passwd", "file://docs.python.org/x", "view-source:https://docs.python.org",
    "data:text/html,x", "https:docs.python.org", "docs.python.org", "https://python.org",
    "https://evilpython.org", "https://docs.python.org.evil.example", "https://*.python.org",
    "https://" + "a." * 200 + "python.org", "https://docs.python.org/" + "a" * 5_000, "", None, 5,
    ["https://docs.python.org"],
]  # fmt: skip
TOOLS = [
    "bash", "BASH", "Bash ", "\u0412ash", "", "x", "Skill", "KillShell", "Read\n", "\x00",
    "a" * 100_000,
    "mcp__github_evil__get_x", "mcp__github__get_x__y", "mcp__github____get_x", "mcp____get_x",
    "mcp__github__", "mcp__GitHub__get_x", "mcp__github__GET_x", "mcp__github__get_x\n",
    "mcp__github__get/../delete", "mcp__g\u0131thub__get_x", "mcp__github__delete",
    "MCP__github__get_x",
]  # fmt: skip
SHELL_CALLS: list[dict[str, Any]] = [
    *({"command": line} for line in ("git status\x00", ["git status"], None, 5, "\ud800")),
    *({"command": "git status", **more} for more in (
        {"odd": 1}, {"timeout": "5"}, {"timeout": True}, {"run_in_background": 1}, {"cwd": "/"},
        {"dangerouslyDisableSandbox": False}, {"description": 5})),
]  # fmt: skip
AGENT_CALLS: list[dict[str, Any]] = [
    {"subagent_type": "Explore"},
    {"prompt": "x", "subagent_type": "Explore", "mode": "bypassPermissions"},
    *({"prompt": "x", "subagent_type": kind}
      for kind in ("explore", "Explore\n", ["Explore"], "Explore ", "Expl\u043ere", None, 5)),
]  # fmt: skip


@pytest.fixture
def policy(tmp_path: Path) -> LoadedPolicy:
    root = tmp_path / "demo"
    (root / "src").mkdir(parents=True)
    (root / ".env").touch()
    for link, target in {
        "out": "/etc", "src/out": "/etc", "envlink": ".env", "src/envlink": "../.env",
        "here": "/proc/self/cwd", "open": "/proc/1/fd/0", "git-link": ".git",
    }.items():  # fmt: skip
        (root / link).symlink_to(target)
    return disk.policy(tmp_path, *RULES)


def _is_allowed(policy: LoadedPolicy, tmp_path: Path, tool: str, call: dict[str, Any]) -> bool:
    return isinstance(policy.decide(disk.tool(tmp_path, tool, **call)), Allowed)


def test_what_the_rules_grant_is_allowed(policy: LoadedPolicy, tmp_path: Path) -> None:
    assert all(
        _is_allowed(policy, tmp_path, tool, {**OTHERS.get(tool, {}), field: "src/a.py"})
        for tool, field in (*READING, *WRITING)
    )
    assert _is_allowed(policy, tmp_path, "WebFetch", {"url": "https://docs.python.org/3"})
    assert _is_allowed(policy, tmp_path, "mcp__github__get_x", {"any": "thing"})


@pytest.mark.parametrize("path", NEVER, ids=lambda path: ascii(path)[:40])
def test_no_tool_reaches_a_file_that_is_out_of_reach(
    path: Any, policy: LoadedPolicy, tmp_path: Path
) -> None:
    for tool, field in (*READING, *WRITING):
        call = {**OTHERS.get(tool, {}), field: path}
        assert not _is_allowed(policy, tmp_path, tool, call), tool


@pytest.mark.parametrize("path", NEVER_WRITTEN, ids=lambda path: ascii(path)[:40])
def test_no_tool_writes_what_no_rule_lets_it_write(
    path: Any, policy: LoadedPolicy, tmp_path: Path
) -> None:
    for tool, field in WRITING:
        assert not _is_allowed(policy, tmp_path, tool, {**OTHERS[tool], field: path}), tool


@pytest.mark.parametrize("url", ADDRESSES, ids=lambda url: ascii(url)[:40])
def test_no_other_host_passes_for_a_granted_one(
    url: Any, policy: LoadedPolicy, tmp_path: Path
) -> None:
    assert not _is_allowed(policy, tmp_path, "WebFetch", {"url": url})
    if isinstance(url, str):
        assert not _is_allowed(policy, tmp_path, "Bash", {"command": f"curl -s '{url}'"})


def test_no_odd_name_or_field_passes_for_a_known_one(policy: LoadedPolicy, tmp_path: Path) -> None:
    calls = [
        *((tool, {"command": "git status"}) for tool in TOOLS),
        *(("Bash", call) for call in SHELL_CALLS),
        *(("Agent", call) for call in AGENT_CALLS),
    ]
    assert [call for call in calls if _is_allowed(policy, tmp_path, *call)] == []


def test_no_unknown_field_is_passed_over(policy: LoadedPolicy, tmp_path: Path) -> None:
    for (tool, field), odd in itertools.product(
        (*READING, *WRITING), ("odd", "", "Path", "path\x00")
    ):
        call = {**OTHERS.get(tool, {}), field: "src/a.py", odd: 1}
        assert not _is_allowed(policy, tmp_path, tool, call), (tool, odd)
