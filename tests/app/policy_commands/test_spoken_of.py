"""Policies can be tried where nothing is installed."""

from __future__ import annotations

import io
import json
from pathlib import Path

from appliance.app.policy_commands.batch import judged
from appliance.app.policy_commands.spoken_of import spoken_of
from appliance.core.model import Millis
from appliance.policy.loader import load
from tests.policy import policies_on_disk as disk

LINES = (
    "g, alice, lead", "g, lead, dev", "g, bob, dev",
    "p, dev, /srv/app/**, bash, git status|log **, allow",
    "p, dev, /srv/app/src/**, write, /srv/app/src/**, allow",
    "p, lead, /srv/other, bash, make, allow",
    "p, *, *, bash, git push **, deny",
    "t, alice, /srv/app, bash, git status; rm -rf /, deny",
)  # fmt: skip


def test_users_and_projects_are_those_that_the_lines_name(tmp_path: Path) -> None:
    found = spoken_of(disk.write(tmp_path / "policies", *LINES))
    assert found.users == {"alice", "bob"}
    assert [project.path for project in found.projects.values()] == ["/srv/app", "/srv/other"]


def test_a_batch_is_judged_by_them_and_advice_can_be_pasted(tmp_path: Path) -> None:
    directory = disk.write(tmp_path / "policies", *LINES)
    found = spoken_of(directory)
    policy = load(directory, found.users, found.projects)
    asked = {"sub": "bob", "dir": "/srv/app", "tool": "Bash"}
    lines = [{**asked, "input": "git log"}, {**asked, "input": "make test"}]
    raw = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
    allowed, denied = map(json.loads, judged(raw, policy, found.projects, Millis(1)))
    assert (allowed["verdict"], allowed["rule"]) == ("allow", "policies/rules.csv:4")
    assert denied["parts"][0]["line"] == "p, dev, /srv/app/**, bash, make test, allow"
