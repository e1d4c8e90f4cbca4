"""Proofs, checked with RFC 6962 written down a second time; `tests/attacks` asks Go as well."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import PublicKey, parse_note
from appliance.audit.database import DATABASE
from appliance.audit.proof import prove
from appliance.audit.writer import Writer, prepare
from appliance.errors import ApplianceError, AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import first_key, newest_note, put, run
from tests.audit.logs import ANNA, BOOT, allowed, sample, write
from tests.fakes import FakeClock


def root_above(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """The root over a leaf, as RFC 9162 says in section 2.1.3.2."""
    place, last, node = index, size - 1, leaf
    for other in hashes:
        assert last > 0
        if place & 1 or place == last:
            node = sha256(b"\x01" + other + node).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + other).digest()
        place, last = place >> 1, last >> 1
    assert last == 0
    return node


@pytest.mark.parametrize("seq", range(1, 14))
def test_a_proof_holds_the_record_and_leads_to_a_signed_root(seq: int, tmp_path: Path) -> None:
    database = sample(tmp_path)
    proof, _, note = prove(database, seq).inclusion.partition("\n\n")
    version, extra, index, *hashes = proof.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    assert index == f"index {seq - 1}"
    record = base64.b64decode(extra.removeprefix("extra "))
    head = parse_note(note)
    root = root_above(
        sha256(b"\x00" + record).digest(),
        seq - 1,
        head.checkpoint.size,
        list(map(base64.b64decode, hashes)),
    )
    assert root == head.checkpoint.root
    name = first_key(database).name
    assert head.signed_by(PublicKey(name, keys.load_identity(tmp_path).public))


def test_the_newest_records_are_proven_by_the_key_of_their_epoch(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        proofs = prove(tmp_path / DATABASE, 2)
        assert proofs.note.signed_by(first_key(tmp_path / DATABASE))
        assert proofs.growth == {}  # nothing is kept that covers it


def test_growth_is_proven_from_each_anchor(tmp_path: Path) -> None:
    database = write(tmp_path, [[allowed(1)]], FakeClock())
    old = newest_note(database)
    write(tmp_path, [[allowed(n)] for n in range(2, 9)], FakeClock())
    proofs = prove(database, 2, [old])
    text = proofs.growth[old.checkpoint.size]
    assert text.startswith(f"old {old.checkpoint.size}\n")
    assert text.endswith(f"\n\n{newest_note(database)}")


def test_a_pruned_record_is_still_proven_by_its_hash(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        writer.prune(3, "retention", ANNA)
    proof = prove(tmp_path / DATABASE, 2).inclusion
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")


@pytest.mark.parametrize("seq", [0, -1, 14])
def test_there_is_no_proof_of_a_record_that_is_not_there(seq: int, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="there is no record"):
        prove(sample(tmp_path), seq)


def test_a_log_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    database = sample(tmp_path)
    put(database, 4, b"forged")
    for seq in (4, 5):
        with pytest.raises(AuditBroken, match="not in the tree that was signed"):
            prove(database, seq)


def test_growth_from_a_history_that_was_rewritten_is_not_proven(tmp_path: Path) -> None:
    database = sample(tmp_path / "one")
    other = newest_note(sample(tmp_path / "two"))
    with pytest.raises(ApplianceError, match="of the log"):
        prove(database, 1, [other])
    old = newest_note(database)
    forged = type(old)(type(old.checkpoint)(old.checkpoint.origin, 5, bytes(32)), old.signatures)
    with pytest.raises(AuditBroken, match="first 5 records are not those that were signed"):
        prove(database, 1, [forged])


def test_an_anchor_larger_than_the_log_is_told(tmp_path: Path) -> None:
    database = write(tmp_path, [[allowed(1)]], FakeClock())
    old = newest_note(database)
    larger = type(old)(type(old.checkpoint)(old.checkpoint.origin, 99, bytes(32)), old.signatures)
    with pytest.raises(ApplianceError, match="the anchor tells of 99 records"):
        prove(database, 1, [larger])


@pytest.mark.parametrize("statement", ["DELETE FROM leaf WHERE seq=3", "UPDATE ckpt SET note=''"])
def test_a_damaged_log_proves_nothing(statement: str, tmp_path: Path) -> None:
    database = sample(tmp_path)
    run(database, statement)
    with pytest.raises(AuditBroken, match="proves nothing"):
        prove(database, 4)


def test_no_log_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        prove(tmp_path / DATABASE, 1)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.execute("CREATE TABLE other(a)")
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        prove(tmp_path / DATABASE, 1)
