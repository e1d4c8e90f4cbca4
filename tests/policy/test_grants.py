"""What the daemon may write into the policy, and what it may not whoever has taken it over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.core.model import AdminRequest, Allowed, Asks, Denied, Platform, UserName
from appliance.errors import PolicyError
from appliance.policy import grants
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.loader import load
from appliance.policy.sources import Source, granted
from tests.policy.policies_on_disk import bash, chat, projects, tool, write

RULES = (
    "g, alice, owner",
    "g, carol, lead",
    "g, lead, owner",
    "g, dora, dev",
    "p, owner, *, chat, **, allow",
    "p, owner, *, admin, **, allow",
    "p, dev, *, chat, /run|/status **, allow",
    "p, dev, *, bash, ls **, allow",
    "p, *, *, chat, /deploy prod, deny",
)
USERS = ("alice", "bob", "carol", "dora")


def loaded(tmp_path: Path, *lines: str, rules: Sequence[str] = RULES) -> LoadedPolicy:
    directory = write(tmp_path / "policies", *rules)
    given = Source("state/grants.csv", "".join(f"{line}\n" for line in lines))
    users = [UserName(user) for user in USERS]
    return load(directory, users, projects(tmp_path, "demo", "other"), granted=given)


def test_a_role_and_a_command_are_granted_with_the_line_that_says_so(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "g, bob, dev  # alice, with carol, 2026-11-21",
        "g, bob, for-bob",
        "p, for-bob, demo, chat, /deploy staging, allow",
    )
    assert isinstance(policy.decide(bash(tmp_path, "ls", user="bob")), Allowed)
    said = policy.decide(chat("/deploy staging", user="bob"))
    assert isinstance(said, Allowed)
    assert str(said.rule) == "state/grants.csv:3"
    assert isinstance(policy.decide(chat("/deploy staging", user="bob", project="other")), Denied)


def test_a_denial_of_the_other_files_stays(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "g, bob, for-bob", "p, for-bob, *, chat, /deploy **, allow")
    assert isinstance(policy.decide(chat("/deploy prod", user="bob")), Denied)
    assert isinstance(policy.decide(chat("/deploy test", user="bob")), Allowed)


def test_a_denial_here_wins_over_what_the_other_files_allow(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "g, dora, for-dora", "p, for-dora, *, chat, /run **, deny")
    assert isinstance(policy.decide(chat("/run", user="dora")), Denied)


def test_what_a_project_grant_lets_the_agent_do_asks_somebody(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "g, bob, for-bob",
        "p, for-bob, demo, read, **, allow",
        "p, for-bob, demo, bash, **, approve, by=owner fallback",
    )
    assert isinstance(policy.decide(bash(tmp_path, "ls", user="bob")), Asks)
    read = tool(tmp_path, "Read", user="bob", file_path=str(tmp_path / "demo/a.py"))
    assert isinstance(policy.decide(read), Allowed)


FORBIDDEN = {
    "g, bob, owner": "looks after the appliance",
    "g, bob, lead": "looks after the appliance",
    "g, dev, lead": "only a user can be granted something here",
    "g, bob, for-alice": "the role of somebody else",
    "p, dev, *, chat, /x, allow": "a rule here is for one user alone",
    "p, *, *, chat, /x, allow": "a rule here is for one user alone",
    "p, for-bob, *, admin, policy confirm, allow": 'the act "admin" is not for granting',
    "p, for-bob, demo, net, example.org:443, allow": 'the act "net" is not for granting',
    "p, for-bob, demo, mcp, github/*, allow": 'the act "mcp" is not for granting',
    "p, for-bob, *, chat, **, allow": "a command is granted by its name",
    "p, for-bob, *, chat, /*, allow": "a command is granted by its name",
    "p, for-bob, *, chat, /deploy pr*, allow": "a command is granted by its name",
    "p, for-bob, *, chat, /grant **, allow": "is not for granting",
    "p, for-bob, *, chat, /run|/lockdown **, allow": "is not for granting",
    "p, for-bob, demo, bash, ls, allow": "is granted in one project only",
    "p, for-bob, demo, bash, **, approve, fallback": "is granted in one project only",
    "p, for-bob, demo, bash, **, approve, by=owner": "is granted in one project only",
    "p, for-bob, *, bash, **, approve, by=owner fallback": "is granted in one project only",
    "p, for-bob, demo, write, **, allow": "is granted in one project only",
    "p, for-bob, *, read, **, allow": "files are granted in one project",
    "p, for-bob, demo, read, /etc/**, allow": "files are granted in one project",
    "p, for-bob, demo, tool, *, allow": "a tool is granted by its name",
    "q, for-bob, *, commands=1/h": "there are only g and p lines here",
    "t, bob, *, chat, /run, allow": "there are only g and p lines here",
}


@pytest.mark.parametrize("line", FORBIDDEN)
def test_what_may_not_be_granted_is_refused_at_every_load(tmp_path: Path, line: str) -> None:
    known = [] if line.startswith("g, bob, for") else ["g, bob, for-bob"]
    with pytest.raises(PolicyError, match=r"state/grants\.csv:") as refused:
        loaded(tmp_path, *known, "p, for-bob, demo, chat, /known, allow", line)
    assert FORBIDDEN[line] in refused.value.message


def test_a_role_with_one_admin_act_is_none_for_granting(tmp_path: Path) -> None:
    rules = (*RULES, "p, dev, *, admin, audit read, allow")
    with pytest.raises(PolicyError, match=r'the role "dev" looks after the appliance'):
        loaded(tmp_path, "g, bob, dev", rules=rules)


def test_a_role_of_the_other_files_cannot_be_taken_for_somebodys_own(tmp_path: Path) -> None:
    rules = (*RULES, "g, dora, for-bob", "p, for-bob, *, bash, rm **, allow")
    with pytest.raises(PolicyError, match="is spoken of in another file"):
        loaded(tmp_path, "g, bob, for-bob", rules=rules)


def test_more_lines_than_anybody_reads_are_refused(tmp_path: Path) -> None:
    lines = [f"p, for-bob, demo, chat, /x{number}, allow" for number in range(grants.MAX_LINES)]
    with pytest.raises(PolicyError, match="more than 200 lines"):
        loaded(tmp_path, "g, bob, for-bob", *lines)


def test_the_file_changes_the_fingerprint_of_the_policy(tmp_path: Path) -> None:
    assert loaded(tmp_path, "g, bob, dev").sha256 != loaded(tmp_path).sha256


def test_no_admin_act_comes_with_any_grant(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "g, bob, dev", "g, bob, for-bob", "p, for-bob, *, chat, /x, allow")
    for words in ("policy propose", "policy confirm", "lockdown start", "lockdown lift"):
        request = AdminRequest(UserName("bob"), words, Platform.TELEGRAM)
        assert isinstance(policy.decide(request), Denied)


def test_no_file_is_no_grant_and_a_damaged_one_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / grants.GRANTS
    assert granted(file, 100) is None
    file.write_bytes(b"g, bob, dev\xff\n")
    with pytest.raises(PolicyError, match="not UTF-8"):
        granted(file, 100)
    file.write_text("g, bob, dev")
    with pytest.raises(PolicyError, match="the last line does not end"):
        granted(file, 100)
    file.write_text("x" * 101)
    with pytest.raises(PolicyError, match="more than 100 bytes"):
        granted(file, 100)


def test_a_change_is_the_same_when_it_is_made_twice() -> None:
    added = ("g, bob, for-bob", "p, for-bob, *, chat, /x, allow")
    once = grants.changed("", added, (), "alice, with carol, 2026-11-21")
    assert grants.changed(once, added, (), "somebody else") == once
    assert grants.said(once) == added
    assert "# alice, with carol" in once


def test_an_own_role_goes_with_its_last_rule() -> None:
    text = grants.changed("", ("g, bob, for-bob", "p, for-bob, *, chat, /x, allow"), ())
    assert grants.changed(text, (), ("p, for-bob, *, chat, /x, allow",)) == ""
