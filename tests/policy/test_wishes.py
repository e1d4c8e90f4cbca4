"""Few words of a person, as lines of the grants file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.core.model import UserName
from appliance.core.proposals import Wish
from appliance.errors import PolicyError
from appliance.policy import grants
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.loader import load
from appliance.policy.sources import Source
from appliance.policy.wishes import lines_for
from tests.policy.policies_on_disk import projects, write

RULES = (
    "g, alice, owner",
    "g, dora, dev",
    "p, owner, *, chat, **, allow",
    "p, owner, *, admin, **, allow",
    "p, dev, *, chat, /run|/deploy|/status **, allow",
    "p, dev, *, bash, ls **, allow",
    "p, *, *, chat, /deploy prod, deny",
)


def loaded(tmp_path: Path, *granted: str) -> LoadedPolicy:
    commands = (
        '[deploy]\nsummary = "deploy"\nargv = ["./deploy", "{where}"]\n'
        'parameters.where = { kind = "word" }\n'
    )
    directory = write(tmp_path / "policies", *RULES, commands=commands)
    users = [UserName(user) for user in ("alice", "bob", "dora")]
    text = grants.changed("", granted, ())
    given = Source("state/grants.csv", text) if text else None
    return load(directory, users, projects(tmp_path, "demo", "other"), granted=given)


def wish(text: str) -> Wish:
    word, who, what = text.split(" ", 2)
    what, _, project = what.partition(" in ")
    return Wish(word == "/grant", who, what, project)


def change(tmp_path: Path, text: str, *granted: str) -> tuple[Sequence[str], Sequence[str]]:
    """What the wish adds and removes; the policy after it loads."""
    lines = lines_for(wish(text), loaded(tmp_path, *granted), granted)
    after = grants.changed(grants.changed("", granted, ()), lines.added, lines.removed)
    loaded(tmp_path, *grants.said(after))
    return lines.added, lines.removed


def refusal(tmp_path: Path, text: str, *granted: str) -> str:
    with pytest.raises(PolicyError) as refused:
        change(tmp_path, text, *granted)
    return refused.value.message


OWN = "g, bob, for-bob"
STAGING = "p, for-bob, demo, chat, /deploy staging, allow"


def test_a_role_is_one_line(tmp_path: Path) -> None:
    assert change(tmp_path, "/grant bob dev") == (("g, bob, dev",), ())
    assert change(tmp_path, "/revoke bob dev", "g, bob, dev") == ((), ("g, bob, dev",))


def test_a_command_is_granted_to_one_person_alone(tmp_path: Path) -> None:
    assert change(tmp_path, "/grant bob /deploy staging in demo") == ((OWN, STAGING), ())
    added, _ = change(tmp_path, "/grant bob /ask", OWN, STAGING)
    assert added == ("p, for-bob, *, chat, /ask **, allow",)


def test_the_own_role_goes_with_the_last_command(tmp_path: Path) -> None:
    _, removed = change(tmp_path, "/revoke bob /deploy staging in demo", OWN, STAGING)
    assert removed == (STAGING, OWN)


def test_what_roots_files_allow_is_denied_instead(tmp_path: Path) -> None:
    added, removed = change(tmp_path, "/revoke dora /deploy")
    assert added == ("g, dora, for-dora", "p, for-dora, *, chat, /deploy **, deny")
    assert removed == ()
    back = change(tmp_path, "/grant dora /deploy", *added)
    assert back == (("p, for-dora, *, chat, /deploy **, allow",), (added[1],))


def test_a_project_is_granted_and_taken_away_whole(tmp_path: Path) -> None:
    added, _ = change(tmp_path, "/grant bob demo")
    assert "p, for-bob, demo, bash, **, approve, by=owner fallback" in added
    gone, removed = change(tmp_path, "/revoke bob demo", *added)
    assert not gone
    assert set(removed) == set(added)
    closed, _ = change(tmp_path, "/revoke dora demo")
    assert closed == ("g, dora, for-dora", "p, for-dora, demo, chat, **, deny")
    assert change(tmp_path, "/grant dora demo", *closed) == ((), (closed[1], closed[0]))


REFUSED = {
    "/grant bob owner": "only the host can give it, with the line “g, bob, owner” in a policy file",
    "/grant bbo dev": "There is no user called “bbo”, did you mean “bob”?",
    "/grant bob devv": "There is no role or project called “devv”, did you mean “dev”?",
    "/grant bob role demo": "There is no role called “demo”",
    "/grant bob /deplyo": "There is no command called “/deplyo”, did you mean “/deploy”?",
    "/grant bob /deploy prod": "denies it, and a denial wins",
    "/grant bob /deploy * in demo": "without * and |",
    "/grant bob /grant": "/grant is not granted from a phone",
    "/grant bob /deploy x in dmo": "There is no project called “dmo”",
    "/grant bob dev in demo": "Leave out “in demo”",
    "/grant dora dev": "dora is dev already (policies/rules.csv:2).",
    "/grant dora /run": "dora may do that already",
    "/revoke dora dev": "stands in policies/rules.csv:2: only the host",
    "/revoke bob dev": "bob is not dev",
    "/revoke bob /deploy": "bob may not /deploy as it is",
    "/revoke bob demo": "bob does not work in demo as it is",
    "/grant bob dev\np, *, *, admin, **, allow": "Write plain names",
    "/grant bob dev,owner": "Write plain names",
    "/grant bob /deploy x\u202e": "Write plain names",
    "/grant bob dev # x": "Write plain names",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, text: str) -> None:
    assert REFUSED[text] in refusal(tmp_path, text)
