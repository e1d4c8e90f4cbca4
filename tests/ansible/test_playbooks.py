"""The playbooks, the role and the example inventory, as Ansible's own checkers see them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appliance.app import policy_commands
from tests.ansible import playbooks
from tests.app.groups import run_group

NAMES = ("site.yml", "upgrade.yml", "pair.yml", "checkpoints.yml")


@pytest.fixture(autouse=True)
def _ansible() -> None:
    playbooks.require()


def test_the_production_profile_has_nothing_to_say(tmp_path: Path) -> None:
    assert "profile: production" in (playbooks.PLAYBOOKS / ".ansible-lint").read_text()
    linted = playbooks.run("ansible-lint", "--strict", home=tmp_path)
    assert linted.status == 0, linted.said
    assert "0 failure(s), 0 warning(s)" in linted.said


def test_every_playbook_is_one(tmp_path: Path) -> None:
    assert {path.name for path in playbooks.PLAYBOOKS.glob("*.yml")} == set(NAMES)
    checked = playbooks.run("ansible-playbook", "--syntax-check", *NAMES, home=tmp_path)
    assert checked.status == 0, checked.said


def test_the_policies_of_the_example_inventory_hold_for_its_users(tmp_path: Path) -> None:
    """Put together as the role does it, and held against the settings that it writes."""
    listed = playbooks.run("ansible-inventory", "--list", "--export", home=tmp_path)
    groups = json.loads(listed.said)
    hosts = [host for group in ("team", "personal") for host in groups[group]["hosts"]]
    assert len(hosts) == 3
    for group in ("team", "personal"):
        values = groups[group]["vars"]
        place = tmp_path / group
        place.mkdir()
        for directory in values["dispatch_appliance_policies"]:
            for file in Path(named(directory)).glob("*[!d]"):
                if file.is_file():
                    shutil.copy(file, place)
        users = ["provisioner", *values[f"{group}_users"]]
        config = tmp_path / f"{group}.toml"
        config.write_text(settings(place, users, values["dispatch_appliance_projects"]))
        assert run_group(policy_commands, ["policy", "check", "--config", str(config)]) == 0


def named(directory: str) -> str:
    return directory.replace("{{ playbook_dir }}", str(playbooks.PLAYBOOKS))


def settings(policies: Path, users: list[str], projects: dict[str, object]) -> str:
    lines = ["[terminal]", "[web]", "[daemon]", f'policies = "{policies}"']
    for number, user in enumerate(users):
        lines += [f"[users.{user}]", "automation = true" if not number else "web = true"]
        lines += [f"unix = [{number}]"]
    for project in projects:
        place = policies.parent / project
        place.mkdir(exist_ok=True)
        lines += [f"[projects.{project}]", f'path = "{place}"']
    return "\n".join(lines) + "\n"
