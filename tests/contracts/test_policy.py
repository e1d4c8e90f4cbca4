"""What every `Policy` keeps, the fake of the services' tests as well as the loaded one."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.core.model import Allowed, Asks, CommandRequest, Denied, Platform, Rule, UserName
from appliance.ports import Policy
from tests.policy import policies_on_disk as disk
from tests.services.rig import TablePolicy

ANN, BOB, EVE = UserName("alice"), UserName("bob"), UserName("eve")
RULE = Rule("policies/rules.csv", 4, "p, dev, *, chat, /deploy **, approve, by=lead")
LEADS = Asks(RULE, by=("lead",))


@pytest.fixture(params=["loaded", "table"])
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> Policy:
    """alice leads, bob does not; /help is allowed, /deploy asks the lead."""
    if request.param == "table":
        return TablePolicy({"/help": Allowed(RULE), "/deploy prod": LEADS}, {"lead": {"alice"}})
    return disk.policy(
        tmp_path,
        "g, alice, lead", "g, bob, dev", "g, lead, dev", "p, dev, *, chat, /help, allow",
        "p, dev, *, chat, /deploy **, approve, by=lead",
        users=("alice", "bob"),
    )  # fmt: skip


def _asked(user: UserName, words: str) -> CommandRequest:
    return CommandRequest(user, None, words, Platform.TERMINAL)


def test_a_decision_is_allowed_asks_or_denied(policy: Policy) -> None:
    assert isinstance(policy.decide(_asked(BOB, "/help")), Allowed)
    asks = policy.decide(_asked(BOB, "/deploy prod"))
    assert isinstance(asks, Asks)
    assert asks.by == ("lead",)
    assert isinstance(policy.decide(_asked(BOB, "/stop")), Denied)


def test_a_decision_does_not_depend_on_earlier_ones(policy: Policy) -> None:
    first = policy.decide(_asked(BOB, "/deploy prod"))
    policy.decide(_asked(ANN, "/help"))
    assert policy.decide(_asked(BOB, "/deploy prod")) == first


def test_a_refusal_says_why(policy: Policy) -> None:
    decision = policy.decide(_asked(BOB, "/stop"))
    assert isinstance(decision, Denied)
    assert decision.reason


def test_only_the_named_roles_approve_not_even_the_requester(policy: Policy) -> None:
    assert policy.may_approve(ANN, BOB, LEADS)
    assert not policy.may_approve(BOB, BOB, LEADS)
    assert not policy.may_approve(EVE, BOB, LEADS)


def test_without_names_the_requester_approves(policy: Policy) -> None:
    assert policy.may_approve(BOB, BOB, Asks(RULE))
    assert not policy.may_approve(ANN, BOB, Asks(RULE))


def test_approvers_are_those_who_may_in_order(policy: Policy) -> None:
    assert policy.approvers(BOB, LEADS) == (ANN,)
    assert policy.approvers(BOB, Asks(RULE)) == (BOB,)
    assert policy.approvers(BOB, Asks(RULE, by=("nobody",))) == ()


def test_every_recipe_has_words_and_argv(policy: Policy) -> None:
    for recipe in policy.recipes():
        assert recipe.words
        assert recipe.argv
