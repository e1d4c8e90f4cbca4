"""Who is a second person, and how a proposal ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.model import Millis, Platform, UserName
from appliance.core.proposals import (
    Draft,
    Proposal,
    ProposalId,
    ProposalState,
    Wish,
    is_second,
    settle,
)

ALICE, BOB = UserName("alice"), UserName("bob")
DRAFT = Draft("ab" * 32, ("g, carol, dev",), (), ("+ carol",))
PROPOSAL = Proposal(
    id=ProposalId("p-k7m2"),
    proposer=ALICE,
    via=Platform.TELEGRAM,
    wish=Wish(is_grant=True, who="carol", what="dev"),
    draft=DRAFT,
    digest=DRAFT.digest,
    asked_at=Millis(1_000),
    expires_at=Millis(2_000),
)


@pytest.mark.parametrize(
    ("made", "user", "via", "is_so"),
    [
        (Platform.TELEGRAM, BOB, Platform.TELEGRAM, True),
        (Platform.TERMINAL, BOB, Platform.TERMINAL, True),
        (Platform.TELEGRAM, ALICE, Platform.TELEGRAM, False),
        (Platform.TELEGRAM, ALICE, Platform.WEB, False),
        (Platform.TELEGRAM, ALICE, Platform.TERMINAL, True),
        (Platform.TERMINAL, ALICE, Platform.TERMINAL, False),
        (Platform.TERMINAL, ALICE, Platform.TELEGRAM, False),
    ],
)
def test_two_people_or_a_phone_and_the_host(
    made: Platform, user: UserName, via: Platform, is_so: bool
) -> None:
    assert is_second(replace(PROPOSAL, via=made), user, via) is is_so


def test_the_first_answer_stays() -> None:
    refused = settle(PROPOSAL, is_accepted=False, by=BOB, at=Millis(1_500), reason="no")
    assert (refused.state, refused.answered_by) == (ProposalState.REFUSED, "bob")
    assert settle(refused, is_accepted=True, by=BOB, at=Millis(1_600)) == refused


def test_a_late_yes_is_none() -> None:
    late = settle(PROPOSAL, is_accepted=True, by=BOB, at=Millis(2_000))
    assert late.state is ProposalState.LAPSED


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, added=("g, carol, owner",)),
        replace(DRAFT, added=("g, carol", " dev")),
        replace(DRAFT, removed=DRAFT.added, added=()),
        replace(DRAFT, policy_sha256="cd" * 32),
    ],
)
def test_other_lines_or_another_policy_have_another_digest(draft: Draft) -> None:
    assert not replace(PROPOSAL, draft=draft).is_as_shown
    assert PROPOSAL.is_as_shown
