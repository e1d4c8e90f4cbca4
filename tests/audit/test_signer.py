from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.checkpoint import Checkpoint, PublicKey, origin_of
from appliance.audit.keys import SigningKey
from appliance.audit.signer import Signer
from appliance.core.merkle import CompactRange

IDENTITY, FIRST, SECOND = (
    SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in range(3)
)
ORIGIN = origin_of(FIRST.public)
LEAVES = [bytes([n]) * 32 for n in range(5)]


@pytest.fixture
def signer() -> Signer:
    return Signer(ORIGIN, IDENTITY, FIRST, CompactRange())


def test_each_head_extends_the_one_before(signer: Signer) -> None:
    tree = CompactRange()
    for leaf in LEAVES:
        signature = signer.extend([leaf])
        tree.append(leaf)
        assert signer.head == Checkpoint(ORIGIN, tree.size, tree.root())
        assert signer.peaks() == tree.peaks()
        assert PublicKey(ORIGIN, FIRST.public).signed(signer.head, signature)


def test_what_was_signed_is_not_signed_again(signer: Signer) -> None:
    signer.extend(LEAVES)
    with pytest.raises(ValueError, match="nothing new"):
        signer.extend([])


def test_a_note_has_two_signatures_the_second_by_the_key_of_the_head(signer: Signer) -> None:
    signer.extend(LEAVES[:2])
    signer.hand_over(SECOND)
    before = signer.note()
    signer.extend(LEAVES[2:])
    after = signer.note()
    for note, key in ((before, FIRST), (after, SECOND)):
        assert len(note.signatures) == 2
        assert note.signed_by(PublicKey(ORIGIN, IDENTITY.public))
        assert note.signed_by(PublicKey(ORIGIN, key.public))


def test_there_is_no_note_of_what_this_signer_did_not_sign(signer: Signer) -> None:
    with pytest.raises(ValueError, match="nothing is signed"):
        signer.note()
