"""A proposal: a change of the policy that one person asks for and another one lets happen.

It is bound to the exact lines that were shown (their digest), to the policy that it was judged
against, and to an expiry. It never changes once made, but for its state: what is asked again is
another proposal. `settle` is the only way its state moves.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

from appliance.core.model import Millis, Platform, UserName

ProposalId = NewType("ProposalId", str)
ID = re.compile(r"p-[a-z0-9]{4,32}")
TTL_SECONDS = 30 * 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants for a person, in his words: "bob", "/deploy staging", "demo"."""

    is_grant: bool
    who: str
    what: str
    project: str = ""

    def __str__(self) -> str:
        where = f" in {self.project}" if self.project else ""
        return f"/{'grant' if self.is_grant else 'revoke'} {self.who} {self.what}{where}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a wish comes to: lines, who may what since, and what looks wrong about it.

    `policy_sha256`: the policy that it changes.
    """

    policy_sha256: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    meaning: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the lines and the policy: what is confirmed is what was shown."""
        whole = [self.policy_sha256, self.added, self.removed]
        return hashlib.sha256(json.dumps(whole, separators=(",", ":")).encode()).hexdigest()


class ProposalState(StrEnum):
    """`ACCEPTED` is confirmed and recorded, `APPLIED` is in the file and holds."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    APPLIED = "applied"
    REFUSED = "refused"
    LAPSED = "lapsed"
    OUTDATED = "outdated"  # the policy was changed meanwhile
    FAILED = "failed"  # it was confirmed, and could not be written


@dataclass(frozen=True, slots=True)
class Proposal:
    """`via` is where it was made. `digest` is that of the draft as it was recorded and shown."""

    id: ProposalId
    proposer: UserName
    via: Platform
    wish: Wish
    draft: Draft
    digest: str
    asked_at: Millis
    expires_at: Millis
    state: ProposalState = ProposalState.PENDING
    answered_by: str = ""
    reason: str = ""

    @property
    def is_as_shown(self) -> bool:
        """Whether nobody has touched the lines since they were recorded."""
        return self.digest == self.draft.digest


def is_second(proposal: Proposal, user: UserName, via: Platform) -> bool:
    """Whether this is somebody else, or the proposer at the machine itself.

    Two people, or a phone and the host: who has one account of the proposer, or all of his
    phones, still cannot confirm what he proposed from there.
    """
    if user != proposal.proposer:
        return True
    return via is Platform.TERMINAL and proposal.via is not Platform.TERMINAL


def settle(
    proposal: Proposal, *, is_accepted: bool, by: UserName, at: Millis, reason: str = ""
) -> Proposal:
    """The proposal with its one answer. The caller has checked that `by` may give it.

    What is settled already stays so; after its time it lapses, whatever the answer.
    """
    if proposal.state is not ProposalState.PENDING:
        return proposal
    if at >= proposal.expires_at:
        return replace(proposal, state=ProposalState.LAPSED)
    state = ProposalState.ACCEPTED if is_accepted else ProposalState.REFUSED
    return replace(proposal, state=state, answered_by=by, reason=reason)
