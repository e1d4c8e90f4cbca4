"""An approval is for one thing, once, in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.approvals import ApprovalState, fingerprint, may_redeem, settle
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
