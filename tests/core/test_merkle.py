"""The compact range against the recursive definition of RFC 6962, section 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_spans,
    inclusion_spans,
    root_by_inclusion,
    roots_by_consistency,
)
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


LEAVES = [leaf_hash(bytes([n])) for n in range(70)]
SIZES = st.integers(1, len(LEAVES))


def roots(spans: Sequence[tuple[int, int]]) -> list[bytes]:
    return [merkle_tree_hash(LEAVES[begin:end]) for begin, end in spans]


def subproof(old: int, leaves: Sequence[bytes], is_whole: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2, word for word."""
    if old == len(leaves):
        return [] if is_whole else [merkle_tree_hash(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if old <= split:
        return [*subproof(old, left, is_whole), merkle_tree_hash(right)]
    return [*subproof(old - split, right, False), merkle_tree_hash(left)]


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*path(index, left), merkle_tree_hash(right)]
    return [*path(index - split, right), merkle_tree_hash(left)]


@given(SIZES, st.data())
def test_a_leaf_is_proven_as_the_rfc_defines_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = roots(inclusion_spans(index, size))
    assert proof == path(index, LEAVES[:size])
    root = merkle_tree_hash(LEAVES[:size])
    assert root_by_inclusion(LEAVES[index], index, size, proof) == root
    assert root_by_inclusion(leaf_hash(b"other"), index, size, proof) != root


@given(SIZES, st.data())
def test_growth_is_proven_as_the_rfc_defines_it(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = roots(consistency_spans(old, new))
    assert proof == subproof(old, LEAVES[:new], True)
    both = merkle_tree_hash(LEAVES[:old]), merkle_tree_hash(LEAVES[:new])
    assert roots_by_consistency(old, new, both[0], proof) == both


@given(SIZES, st.data())
def test_a_history_that_was_changed_cannot_be_proven(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    changed = data.draw(st.integers(0, old - 1))
    before = merkle_tree_hash([*LEAVES[:changed], bytes(32), *LEAVES[changed + 1 : old]])
    after = merkle_tree_hash(LEAVES[:new])
    proof = roots(consistency_spans(old, new))
    assert roots_by_consistency(old, new, before, proof) != (before, after)


@pytest.mark.parametrize("proof", [[], [bytes(31)] * 3, [bytes(32)] * 2, [bytes(32)] * 4])
def test_a_proof_of_another_form_is_refused(proof: list[bytes]) -> None:
    with pytest.raises(ValueError, match="not 3 hashes of 32 bytes"):
        root_by_inclusion(LEAVES[0], 0, 8, proof)
    with pytest.raises(ValueError, match="not 3 hashes of 32 bytes"):
        roots_by_consistency(2, 12, bytes(32), proof)


def test_there_is_no_proof_of_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        root_by_inclusion(LEAVES[0], 3, 3, [])
    for old, new in ((0, 1), (3, 2)):
        with pytest.raises(ValueError, match="does not grow"):
            roots_by_consistency(old, new, bytes(32), [])


def test_a_tree_goes_on_from_its_peaks() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(40)]
    tree = CompactRange()
    for size, leaf in enumerate(leaves):
        again = CompactRange.at(size, tree.peaks())
        assert (again.size, again.root()) == (tree.size, tree.root())
        for item in leaves[size:]:
            again.append(item)
        assert again.root() == root_of(leaves)
        tree.append(leaf)


@pytest.mark.parametrize(("size", "peaks"), [(0, 32), (1, 0), (1, 33), (3, 32), (4, 64), (-1, 32)])
def test_peaks_that_no_tree_of_this_size_has_are_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        CompactRange.at(size, bytes(peaks))
