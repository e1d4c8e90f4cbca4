"""Casbin, Cedar and Rego, given the same policy, come to the same verdicts as our engine."""

from __future__ import annotations

import os

import pytest

from appliance.policy.engine import Engine
from appliance.policy.rules import Effect
from appliance.policy.sources import Source
from tests.bench.other_engines import Cedar, OtherEngine, PlainCasbin, Rego
from tests.policy.policies_on_disk import SHIPPED
from tests.policy.random_policies import random_policy

MODEL = Source("model.conf", (SHIPPED / "model.conf").read_text())
REQUESTS = int(os.environ.get("DISPATCH_TEST_REQUESTS", "0"))  # noqa: TID251


@pytest.mark.parametrize("other", [PlainCasbin, Cedar, Rego])
@pytest.mark.parametrize(("size", "requests"), [(10, 1_000), (100, 200), (1_000, 25)])
def test_another_engine_comes_to_the_same_verdicts(
    other: type[PlainCasbin | Cedar | Rego], size: int, requests: int
) -> None:
    policy = random_policy(size, REQUESTS or requests, plain=True, seed=size)
    try:
        theirs: OtherEngine = other(policy)
    except ImportError as missing:
        pytest.skip(f"SKIPPED: {missing.name} comes with the group bench")
    ours = Engine(MODEL, policy.rules, policy.grants, policy.users)
    for asked in policy.asked:
        found = ours.judge(asked.user, asked.directory, asked.atom, asked.at, asked.via).effect
        assert theirs.judge(asked) == (None if found is Effect.DENY else found), asked
