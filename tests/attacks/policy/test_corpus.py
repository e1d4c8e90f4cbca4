"""Known ways around command policies, from CVEs and bug reports: none may be allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.core.model import Allowed, Decision, Request
from appliance.policy.loaded import LoadedPolicy
from tests.policy import policies_on_disk as disk

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data/bypass_corpus.jsonl").read_text().splitlines()
]
ATTACKS = [row for row in ROWS if row["must_not_allow"]]
BENIGN = [row for row in ROWS if not row["must_not_allow"]]

MOST_REFUSED = 0.02
"""Of the harmless lines: these ask instead."""


def _each(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The corpus speaks of /srv/app; it has a link that leads out."""
    project = tmp_path / "demo"
    (project / "src").mkdir(parents=True)
    (project / "link-to-etc").symlink_to("/etc")
    return project.resolve()


def _request(row: dict[str, Any], tmp_path: Path, root: Path) -> Request:
    text = row["command"].replace("/srv/app/", f"{root}/").replace("/srv/app-", f"{root}-")
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "bash": ("Bash", {"command": text}),
        "read": ("Read", {"file_path": text}),
        "write": ("Write", {"file_path": text, "content": ""}),
        "web": ("WebFetch", {"url": text}),
        "mcp": (text, {}),
    }
    if row["kind"] == "chat":
        return disk.chat(text)
    name, call = calls[row["kind"]]
    return disk.tool(tmp_path, name, **call)


def _rules(row: dict[str, Any]) -> list[str]:
    """The grant that the attack tries to stretch, as one of our rules."""
    rule = row["rule"]
    if rule.startswith("deny: "):
        return ["p, dev, demo, bash, **, allow", f"p, dev, demo, bash, {_wide(rule[6:])}, deny"]
    act, _, pattern = rule.partition(" ")
    if act in ("read", "write"):
        return [f"p, dev, demo, {act}, **, allow"]
    if act == "web":
        return [f"p, dev, demo, web, {pattern.replace('web ', '')}, allow"]
    if act == "mcp":
        return [f"p, dev, demo, mcp, {pattern.removeprefix('mcp__').replace('__', '/')}, allow"]
    if act == "chat":
        return [f"p, dev, demo, chat, {pattern}, allow"]
    verdict = "approve" if row["expected_verdict"] == "approve" else "allow"
    return [f"p, dev, demo, bash, {_wide(rule)}, {verdict}"]


def _wide(pattern: str) -> str:
    return pattern.rstrip("* ") + " **" if pattern.endswith("*") else pattern


def _policy(tmp_path: Path, *lines: str) -> LoadedPolicy:
    base = ("g, me, dev", "p, dev, *, read, **, allow", "p, dev, *, write, **, allow")
    return disk.policy(tmp_path, *base, *lines)


def _decide(row: dict[str, Any], tmp_path: Path, root: Path, *more: str) -> Decision:
    return _policy(tmp_path, *_rules(row), *more).decide(_request(row, tmp_path, root))


@_each(ATTACKS)
def test_attack_is_not_allowed_by_the_grant_it_stretches(
    row: dict[str, Any], tmp_path: Path, root: Path
) -> None:
    decision = _decide(row, tmp_path, root, "p, dev, *, bash, **, approve, fallback")
    assert not isinstance(decision, Allowed), row["reason"]


@_each([row for row in ATTACKS if row["kind"] != "chat"])  # its owner may say everything
def test_attack_is_not_allowed_by_the_shipped_policy(
    row: dict[str, Any], tmp_path: Path, root: Path
) -> None:
    decision = disk.shipped(tmp_path).decide(_request(row, tmp_path, root))
    assert not isinstance(decision, Allowed), row["reason"]


@_each([row for row in ATTACKS if row["expected_verdict"] == "deny" and row["rule"][:5] != "deny:"])
def test_attack_is_not_allowed_even_where_every_program_is(
    row: dict[str, Any], tmp_path: Path, root: Path
) -> None:
    # what the attacks smuggle in is `touch`: it has to be seen
    wide = ("p, dev, *, bash, **, allow", "p, dev, *, bash, touch **, deny")
    decision = _decide(row, tmp_path, root, *wide)
    assert not isinstance(decision, Allowed), row["reason"]


def test_harmless_lines_are_hardly_ever_refused(tmp_path: Path, root: Path) -> None:
    refused = []
    for row in BENIGN:
        programs = [f"p, dev, demo, bash, {name} **, allow" for name in row.get("shell_cmds", ())]
        decision = _decide(row, tmp_path, root, *dict.fromkeys(programs))
        if not isinstance(decision, Allowed):
            refused.append(f"{row['id']}: {row['command']}")
    assert len(refused) <= MOST_REFUSED * len(BENIGN), "\n".join(refused)
