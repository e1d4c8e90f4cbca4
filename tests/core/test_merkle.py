"""The compact range against the recursive definition of RFC 6962, section 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.merkle import EMPTY_ROOT, CompactRange
from appliance.core.records import leaf_hash


def merkle_tree_hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = merkle_tree_hash(leaves[:split]), merkle_tree_hash(leaves[split:])
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.size == len(leaves)
    return tree.root()


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()


def test_every_size_has_the_root_that_the_rfc_defines() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(130)]
    for size in range(len(leaves) + 1):
        assert root_of(leaves[:size]) == merkle_tree_hash(leaves[:size])


def test_known_roots_of_certificate_transparency() -> None:
    # the inputs and roots that implementations of RFC 6962 share as test vectors
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    leaves = [leaf_hash(bytes.fromhex(item)) for item in inputs]
    assert root_of(leaves[:1]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert root_of(leaves[:2]).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )
    assert root_of(leaves).hex() == (
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    )


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_any_changed_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.binary(min_size=32, max_size=32).filter(lambda x: x != leaves[place]))
    assert root_of([*leaves[:place], other, *leaves[place + 1 :]]) != root_of(leaves)
