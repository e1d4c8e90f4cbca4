"""${INBOX}: the files that came with the job that is judged, and no other's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Allowed, Decision, Denied
from appliance.errors import PolicyError
from tests.policy.policies_on_disk import bash, policy, shipped, tool

G = "g, me, owner"
RULE = "p, owner, *, read, ${INBOX}/**, allow"


@pytest.fixture
def inboxes(tmp_path: Path) -> Path:
    for number in ("1", "2", "12"):
        (tmp_path / "inboxes" / number).mkdir(parents=True)
        (tmp_path / "inboxes" / number / "a.csv").write_text("x")
    return (tmp_path / "inboxes").resolve()


def reads(tmp_path: Path, inboxes: Path, path: str, inbox: str = "1", *lines: str) -> Decision:
    loaded = policy(tmp_path, G, *(lines or (RULE,)))
    request = tool(tmp_path, "Read", file_path=path)
    return loaded.decide(replace(request, inbox=str(inboxes / inbox) if inbox else ""))


def test_a_job_reads_what_came_with_it(tmp_path: Path, inboxes: Path) -> None:
    decision = reads(tmp_path, inboxes, f"{inboxes}/1/a.csv")
    assert isinstance(decision, Allowed)
    assert "${INBOX}" in decision.rule.text


@pytest.mark.parametrize(
    "path", ["{}/2/a.csv", "{}/12/a.csv", "{}/1/../2/a.csv", "{}", "{}/10", "/etc/passwd"]
)
def test_and_nothing_else(tmp_path: Path, inboxes: Path, path: str) -> None:
    assert isinstance(reads(tmp_path, inboxes, path.format(inboxes)), Denied)


def test_a_link_out_of_the_inbox_is_judged_by_where_it_leads(tmp_path: Path, inboxes: Path) -> None:
    (inboxes / "1/link").symlink_to(inboxes / "2/a.csv")
    assert isinstance(reads(tmp_path, inboxes, f"{inboxes}/1/link"), Denied)


def test_a_job_without_files_has_no_inbox(tmp_path: Path, inboxes: Path) -> None:
    assert isinstance(reads(tmp_path, inboxes, f"{inboxes}/1/a.csv", ""), Denied)


@pytest.mark.parametrize("path", ["/${INBOX}/a.csv", "${INBOX}/a.csv"])
def test_nobody_pretends_to_be_in_it(tmp_path: Path, inboxes: Path, path: str) -> None:
    assert isinstance(reads(tmp_path, inboxes, path), Denied)


def test_it_is_not_written(tmp_path: Path, inboxes: Path) -> None:
    loaded = shipped(tmp_path)
    write = tool(tmp_path, "Write", file_path=f"{inboxes}/1/a.csv", content="x")
    request = replace(write, inbox=str(inboxes / "1"))
    assert isinstance(loaded.decide(request), Denied)


def test_a_key_is_protected_there_too(tmp_path: Path, inboxes: Path) -> None:
    (inboxes / "1/id.pem").write_text("x")
    assert isinstance(reads(tmp_path, inboxes, f"{inboxes}/1/id.pem"), Denied)


def test_a_wider_denial_holds_there_too(tmp_path: Path, inboxes: Path) -> None:
    lines = (RULE, "p, owner, *, read, /**, deny")
    assert isinstance(reads(tmp_path, inboxes, f"{inboxes}/1/a.csv", "1", *lines), Denied)


def test_the_shipped_rules_let_tools_and_commands_look_at_it(tmp_path: Path, inboxes: Path) -> None:
    loaded = shipped(tmp_path)
    look = replace(bash(tmp_path, f"cat {inboxes}/1/a.csv"), inbox=str(inboxes / "1"))
    assert isinstance(loaded.decide(look), Allowed)
    other = replace(bash(tmp_path, f"cat {inboxes}/2/a.csv"), inbox=str(inboxes / "1"))
    assert not isinstance(loaded.decide(other), Allowed)
    change = replace(bash(tmp_path, f"echo x > {inboxes}/1/a.csv"), inbox=str(inboxes / "1"))
    assert not isinstance(loaded.decide(change), Allowed)


@pytest.mark.parametrize("pattern", ["${INBOX}", "a/${INBOX}/b", "${OTHER}/**", "${INBOX}/../x"])
def test_it_stands_at_the_beginning_of_a_path_and_nowhere_else(
    tmp_path: Path, pattern: str
) -> None:
    with pytest.raises(PolicyError):
        policy(tmp_path, G, f"p, owner, *, read, {pattern}, allow")
