"""Who follows a log from afar finds out that it was cut off, rewritten or replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, parse_note
from appliance.audit.following import followed
from appliance.audit.keyring import public_keys
from appliance.audit.proof import growth_since
from appliance.errors import ApplianceError, AuditBroken
from tests.attacks.audit.intruder import signed
from tests.audit.logs import allowed, sample, write
from tests.fakes import FakeClock


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path, [[allowed(1)]], FakeClock())


def identity(log: Path) -> PublicKey:
    return public_keys(log).identity


def grow(log: Path) -> None:
    """By some records, and an epoch: the log keeps a checkpoint."""
    write(log.parent, [[allowed(2)], [allowed(3)]], FakeClock())


def begun(log: Path) -> Note:
    return followed(growth_since(log, None), identity(log), None)


def test_a_log_is_followed_from_checkpoint_to_checkpoint(log: Path) -> None:
    kept = begun(log)
    assert followed(growth_since(log, kept), identity(log), kept) == kept
    for _ in range(3):
        grow(log)
        newer = followed(growth_since(log, kept), identity(log), kept)
        assert newer.checkpoint.size > kept.checkpoint.size
        kept = newer


def test_it_can_be_begun_with_a_log_of_any_age(tmp_path: Path) -> None:
    log = sample(tmp_path)
    assert begun(log).checkpoint.size == 13


def test_another_log_is_not_followed(log: Path, tmp_path: Path) -> None:
    kept = begun(log)
    other = write(tmp_path / "other", [[allowed(1)]], FakeClock())
    with pytest.raises(AuditBroken, match="not signed by the key that was kept"):
        followed(growth_since(other, None), identity(log), kept)
    with pytest.raises(ApplianceError, match="not of this one"):
        growth_since(other, kept)


def test_a_log_that_lost_records_is_found_out(log: Path) -> None:
    young = growth_since(log, None)
    grow(log)
    kept = begun(log)
    with pytest.raises(AuditBroken, match="was cut off, or restored from a copy"):
        followed(young, identity(log), kept)


def test_who_has_the_key_cannot_rewrite_what_was_kept(log: Path) -> None:
    """The thief of the identity's key signs another history of the same length."""
    kept = begun(log)
    grow(log)
    signer = keys.load_identity(log.parent)
    size = kept.checkpoint.size
    same_length = signed(Checkpoint(identity(log).name, size, b"\1" * 32), signer)
    with pytest.raises(AuditBroken, match="rewritten"):
        followed(f"old {size}\n\n{same_length}", identity(log), kept)
    proof, _, newer = growth_since(log, kept).partition("\n\n")
    longer = signed(replace(parse_note(newer).checkpoint, root=b"\1" * 32), signer)
    with pytest.raises(AuditBroken, match="rewritten"):
        followed(f"{proof}\n\n{longer}", identity(log), kept)


def test_a_proof_since_another_checkpoint_proves_nothing_here(log: Path) -> None:
    grow(log)
    kept = begun(log)
    grow(log)
    with pytest.raises(ApplianceError, match="since 1 records, and 7 were kept"):
        followed(growth_since(log, None), identity(log), kept)


@pytest.mark.parametrize("text", ["", "old x\n\n", "new 1\n\n", "old 1\n!\n\n", "old 1\n\nnote\n"])
def test_what_is_no_proof_is_refused(text: str, log: Path) -> None:
    with pytest.raises(AuditBroken, match="this is no proof of growth"):
        followed(text, identity(log), None)


def test_a_proof_with_too_few_hashes_is_none(log: Path) -> None:
    kept = begun(log)
    grow(log)
    head, _, note = growth_since(log, kept).partition("\n\n")
    short = "\n".join(head.split("\n")[:-1])
    with pytest.raises(AuditBroken, match="is no proof"):
        followed(f"{short}\n\n{note}", identity(log), kept)
