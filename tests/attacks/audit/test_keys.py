"""Keys stolen, replaced, made up: what each of them can and cannot do."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from appliance.audit import keys
from appliance.audit.checkpoint import Checkpoint, PublicKey, note
from appliance.audit.database import DATABASE
from appliance.audit.fork import fork
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.records import Record
from tests.attacks.audit.intruder import (
    first_key,
    harmless,
    newest_note,
    records,
    rewrite,
    run,
    signed,
    stolen_key,
    tampered,
)
from tests.audit.logs import ANNA, BOOT, allowed, queued, sample, write
from tests.fakes import FakeClock


def test_the_current_key_cannot_rewrite_a_past_epoch(database: Path) -> None:
    def edit(found: list[Record]) -> Sequence[Record]:
        return [harmless(r) if r.seq == 2 else r for r in found]

    rewrite(database, stolen_key(database), edit)
    tampered(database, "not by the key of epoch 1", 2)


def test_the_current_key_cannot_drop_the_hand_over_that_made_it(tmp_path: Path) -> None:
    database = write(tmp_path, [[queued(1)], [queued(2)]], FakeClock())

    def edit(found: list[Record]) -> Sequence[Record]:
        return [r for r in found if r.kind != "key.rotated"]

    rewrite(database, stolen_key(database), edit)
    tampered(database, "not by the key of epoch 1")


def test_a_log_cut_off_in_the_past_and_continued_with_todays_key(database: Path) -> None:
    """What journald's sealed logs let pass (CVE-2023-31438)."""
    later = [r for r in records(database) if r.seq > 8]
    rewrite(database, stolen_key(database), lambda found: [*found[:2], *later])
    tampered(database, "not by the key of epoch 1", 3)


def test_a_dropped_hand_over(database: Path) -> None:
    (first, *_) = [r.seq for r in records(database) if r.kind == "key.rotated"]
    run(
        database,
        f"DELETE FROM leaf WHERE seq={first}",
        f"DELETE FROM ckpt WHERE size={first}",
    )
    tampered(database, f"record {first} is missing", first)


def test_the_current_key_can_rewrite_its_own_epoch_and_only_an_anchor_tells(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    writer = Writer(tmp_path, clock, BOOT)
    writer.commit([[prepare(allowed(1))]])
    writer.commit([[prepare(allowed(2))]])
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        size, root, signature = connection.execute(
            "SELECT seq, root, sig FROM leaf ORDER BY seq DESC"
        ).fetchone()
    head = Checkpoint(first_key(path).name, size, root)
    anchor = note(head, first_key(path), signature)
    assert verify(path, anchors=[anchor]).anchored == 3

    rewrite(
        path,
        stolen_key(path),
        lambda found: [harmless(r) if r.seq == 2 else r for r in found],
    )
    assert verify(path).verdict is Verdict.INTACT  # the promise that is not made
    found = verify(path, anchors=[anchor])
    assert found.verdict is Verdict.TAMPERED
    assert "the anchor for 3 records tells of other records" in found.reason
    writer._lock.release()
    writer._connection.close()


def test_the_whole_log_replaced_by_one_with_other_keys(database: Path, tmp_path: Path) -> None:
    pinned, anchor = first_key(database), newest_note(database)
    forged = sample(tmp_path / "forged")
    assert verify(forged).verdict is Verdict.INTACT
    found = verify(forged, public_key=pinned)
    assert (found.verdict, found.seq) == (Verdict.TAMPERED, 1)
    assert verify(forged, anchors=[anchor]).verdict is Verdict.TAMPERED


def test_a_log_that_claims_the_name_of_another(database: Path, tmp_path: Path) -> None:
    name = first_key(database).name
    forged = sample(tmp_path / "forged")

    def edit(found: list[Record]) -> Sequence[Record]:
        return [replace(r, log=name) for r in found]

    rewrite(forged, stolen_key(forged), edit)
    tampered(forged, "not derived from its first public key", 1)


def test_the_key_of_the_identity_alone_rewrites_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)]], FakeClock())
    rewrite(path, keys.load_identity(tmp_path), lambda found: [*map(with_harm_undone, found)])
    tampered(path, "not by the key of epoch 1", 2)


def with_harm_undone(found: Record) -> Record:
    return harmless(found) if found.kind == "request.allowed" else found


def test_todays_key_can_add_but_an_anchor_shows_where_its_power_began(tmp_path: Path) -> None:
    """What a thief could have done is said: which records, since when."""
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        writer.rotate()
        writer.commit([[prepare(allowed(2))]])
        anchor = writer.head()
        writer.commit([[prepare(allowed(3))]])
        found = verify(tmp_path / DATABASE)
        assert (found.size, found.epoch_began, found.anchored) == (5, 4, 0)
        found = verify(tmp_path / DATABASE, anchors=[anchor])
        assert (found.size, found.epoch_began, found.anchored) == (5, 4, 4)


def test_a_forged_anchor_makes_no_log_look_tampered_with(database: Path) -> None:
    head, thief = newest_note(database).checkpoint, keys.create(database.parent, 99)
    for size in (3, head.size, 1_000):
        forged = signed(replace(head, size=size, root=bytes(32)), thief)
        found = verify(database, anchors=[forged])
        assert found.verdict is Verdict.INCOMPLETE
        assert found.reason == (
            f"the anchor for {size} records is not signed by this log: it proves nothing"
        )


def test_a_forged_anchor_makes_no_log_look_anchored(database: Path) -> None:
    head = newest_note(database).checkpoint
    found = verify(database, anchors=[signed(head, keys.create(database.parent, 99))])
    assert (found.verdict, found.anchored) == (Verdict.INCOMPLETE, 0)


def test_a_signature_under_the_name_of_the_log_is_not_the_logs(database: Path) -> None:
    genuine = newest_note(database)
    broken = replace(
        genuine, signatures=tuple(replace(s, raw=bytes(64)) for s in genuine.signatures)
    )
    assert verify(database, anchors=[broken]).verdict is Verdict.INCOMPLETE


def test_a_fork_says_what_it_took_the_place_of_and_what_was_lost(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)], [allowed(2)]], FakeClock())
    anchor, pinned = newest_note(path), first_key(path)
    run(path, "UPDATE leaf SET h=zeroblob(32) WHERE seq=3")
    fork(tmp_path, FakeClock(), BOOT, reason="a broken disk", who=ANNA, anchors=[anchor])
    found = verify(path)
    assert found.verdict is Verdict.INTACT
    assert (
        f"this log took the place of {pinned.name}, of which 2 records were kept and "
        f"4 were known: a broken disk"
    ) in found.remarks
    found = verify(path, anchors=[anchor])
    assert found.anchored == 0
    assert any("of the log before this one: 2 of its records were lost" in r for r in found.remarks)
    assert verify(path, public_key=pinned).verdict is Verdict.TAMPERED  # it has to be pinned anew


def test_the_identity_can_be_pinned_as_well_as_the_first_key(database: Path) -> None:
    identity = PublicKey(first_key(database).name, keys.load_identity(database.parent).public)
    assert verify(database, public_key=identity).pinned
    other = PublicKey(identity.name, keys.create(database.parent, 99).public)
    assert verify(database, public_key=other).verdict is Verdict.TAMPERED


def test_a_fork_that_lies_about_what_it_kept_is_told_by_an_anchor(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1)]], FakeClock())
    rewritten = replace(newest_note(path).checkpoint, root=bytes(32))
    fork(tmp_path, FakeClock(), BOOT, reason="tidying up", who=ANNA)
    anchor = signed(rewritten, keys.create(tmp_path, 99))
    remarks = verify(path, anchors=[anchor]).remarks
    assert any("tells of other records than those that were kept" in remark for remark in remarks)
