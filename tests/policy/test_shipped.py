"""The shipped policies load for the people they are written for, and are above suspicion."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from appliance.core.model import Measure, ProjectName, UserName
from appliance.policy.explain import selftest
from appliance.policy.fmt import formatted
from appliance.policy.lint import lint
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.loader import load
from tests.policy import policies_on_disk as disk

USERS = {
    "": ["me"],
    "examples/team": ["olga", "lars", "dana", "deniz", "vera"],
    "examples/automation": ["me", "nightly"],
}
EACH = pytest.mark.parametrize("name", USERS)


def _load(tmp_path: Path, name: str) -> LoadedPolicy:
    users = [UserName(user) for user in USERS[name]]
    projects = disk.projects(tmp_path, "demo", "other")
    return load(
        disk.SHIPPED / name, users, projects, automations={UserName("nightly")} & set(users)
    )


@EACH
def test_a_shipped_policy_loads_with_its_tests_and_has_nothing_to_warn_about(
    tmp_path: Path, name: str
) -> None:
    policy = _load(tmp_path, name)
    assert policy.trials
    assert lint(policy, date(2030, 1, 1)) == []
    selftest(policy)


@EACH
def test_a_shipped_policy_is_in_shape_and_complete(name: str) -> None:
    for file in (disk.SHIPPED / name).glob("*.csv"):
        assert formatted(file.read_text()) == file.read_text(), file
    for same in ("model.conf", "commands.toml"):
        assert (disk.SHIPPED / name / same).read_text() == (disk.SHIPPED / same).read_text()


def test_quotas_are_those_of_all_roles_of_a_user(tmp_path: Path) -> None:
    policy = _load(tmp_path, "examples/team")
    found = policy.quotas(UserName("dana"), ProjectName("demo"))
    assert {(quota.measure, quota.limit, quota.seconds) for quota in found} == {
        (Measure.COMMANDS, 120, 3600),
        (Measure.COST, 20_000_000, 86_400),
    }
