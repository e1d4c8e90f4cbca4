"""An approval is for one thing, once, in time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.approvals import (
    JOB_ITSELF,
    Approval,
    ApprovalState,
    fingerprint,
    may_redeem,
    settle,
)
from appliance.core.model import Millis, UserName
from tests.examples import NOW, approval

ALICE = UserName("alice")


def test_a_yes_in_time_is_given() -> None:
    assert settle(approval(), is_granted=True, by=ALICE, at=NOW).state is ApprovalState.GIVEN


def test_a_yes_at_the_moment_of_expiry_is_too_late() -> None:
    late = settle(approval(), is_granted=True, by=ALICE, at=Millis(NOW + 600_000))
    assert late.state is ApprovalState.EXPIRED


def test_a_second_answer_changes_nothing() -> None:
    refused = settle(approval(), is_granted=False, by=ALICE, at=NOW)
    assert settle(refused, is_granted=True, by=UserName("bob"), at=NOW) is refused


def test_a_given_approval_fits_only_what_was_asked() -> None:
    given_ = approval(state=ApprovalState.GIVEN)
    right = {
        "request": given_.request,
        "input_sha256": given_.input_sha256,
        "directory": given_.directory,
    }
    assert may_redeem(given_, **right)
    for key in right:
        assert not may_redeem(given_, **{**right, key: "other"})


def test_only_a_given_approval_can_be_redeemed() -> None:
    for state in ApprovalState:
        fits = may_redeem(
            approval(state=state),
            request="toolu_1",
            input_sha256="ab" * 32,
            directory="/srv/demo",
        )
        assert fits == (state is ApprovalState.GIVEN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON))
def test_fingerprints_differ_exactly_when_inputs_do(one: dict, other: dict) -> None:  # type: ignore[type-arg]
    import json

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint("Bash", one) == fingerprint("Bash", other)) == same


def test_the_order_of_keys_does_not_matter() -> None:
    assert fingerprint("E", {"a": 1, "b": 2}) == fingerprint("E", {"b": 2, "a": 1})


def two_people() -> Approval:
    return approval(asks=replace(approval().asks, by=("lead",), people=2))


def test_two_people_means_two_different_ones() -> None:
    once = settle(two_people(), is_granted=True, by=ALICE, at=NOW)
    assert (once.state, once.given_by) == (ApprovalState.PENDING, ("alice",))
    assert settle(once, is_granted=True, by=ALICE, at=NOW) == once
    twice = settle(once, is_granted=True, by=UserName("bob"), at=NOW)
    assert (twice.state, twice.answered_by) == (ApprovalState.GIVEN, "alice and bob")


def test_any_refusal_ends_it() -> None:
    once = settle(two_people(), is_granted=True, by=ALICE, at=NOW)
    assert settle(once, is_granted=False, by=ALICE, at=NOW).state is ApprovalState.REFUSED


def test_a_yes_for_the_whole_job_needs_a_rule_that_permits_it() -> None:
    permitted = replace(approval().asks, job_wide=True)
    for asked, holds in (
        (approval(), False),
        (approval(asks=permitted), True),
        (approval(asks=permitted, request=JOB_ITSELF), False),
        (approval(asks=replace(permitted, people=2)), False),
    ):
        assert settle(asked, is_granted=True, by=ALICE, at=NOW, for_job=True).for_job == holds


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=9))
def test_it_is_given_exactly_when_enough_said_yes_before_anybody_said_no(
    people: int, answers: list[tuple[str, bool]]
) -> None:
    current = approval(asks=replace(approval().asks, people=people))
    yes: set[str] = set()
    refused = False
    for name, is_granted in answers:
        if len(yes) < people and not refused:
            refused = not is_granted
            yes |= {name} if is_granted else set()
        current = settle(current, is_granted=is_granted, by=UserName(name), at=NOW)
    assert (current.state is ApprovalState.GIVEN) == (len(yes) >= people and not refused)
    assert (current.state is ApprovalState.REFUSED) == refused
