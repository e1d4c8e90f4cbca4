"""The same attacks against exported tiles and proofs, on a verifier that we did not write.

What cannot be said in tiles, a missing record or an unsigned end, is refused by the export.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import PublicKey
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.proof import prove
from appliance.audit.tiles import write_tiles
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.events import KeyRotated, name_of
from appliance.core.records import Record, encode
from appliance.errors import ApplianceError
from tests.attacks.audit.intruder import (
    first_key,
    harmless,
    newest_note,
    put,
    records,
    rewrite,
    run,
    stolen_key,
)
from tests.attacks.audit.outsider import Outsider, build
from tests.audit.logs import ANNA, BOOT, allowed, sample, write
from tests.fakes import FakeClock


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Outsider:
    return build(tmp_path_factory.mktemp("go"))


def verdict(outsider: Outsider, database: Path, *more: object) -> str:
    """What the outsider says of an export, given the first key that was pinned.

    Or why there is none: what does not even name its keys is not exported.
    """
    out = database.parent / "tiles"
    shutil.rmtree(out, ignore_errors=True)
    try:
        write_tiles(database, out)
    except ApplianceError as error:
        return f"refused: {error.message}"
    return outsider("tiles", out, (database.parent / PUBLIC_KEY).read_text(), *more)


def identity_of(database: Path) -> PublicKey:
    return PublicKey(first_key(database).name, keys.load_identity(database.parent).public)


@pytest.mark.parametrize("size", [1, 200, 300, 600])
def test_an_untouched_log_is_intact_to_an_outsider(
    size: int, outsider: Outsider, tmp_path: Path
) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        for _ in range(3):
            writer.commit([[prepare(allowed(n)) for n in range(size)]])
            writer.rotate()
        writer.commit([[prepare(allowed(1))]])
        assert verdict(outsider, tmp_path / DATABASE) == "intact"
    assert verdict(outsider, tmp_path / DATABASE) == "intact"


def test_a_pruned_log_is_intact_to_whoever_has_the_key_of_its_identity(
    outsider: Outsider, tmp_path: Path
) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(n)) for n in range(600)]])
        writer.rotate()
        writer.prune(300, "retention", ANNA)
    database = tmp_path / DATABASE
    assert verdict(outsider, database, identity_of(database)) == "intact"
    run(database, "UPDATE leaf SET h=randomblob(32) WHERE seq=100")
    assert verdict(outsider, database, identity_of(database)).startswith("tampered")


def edit(database: Path) -> None:
    run(database, "UPDATE leaf SET rec=CAST(replace(rec, 'git log', 'git tag') AS BLOB)")


def edit_with_its_hash(database: Path) -> None:
    put(database, 2, encode(harmless(records(database)[1])))


def spell_differently(database: Path) -> None:
    put(database, 4, json.dumps(json.loads(encode(records(database)[3]))).encode())


def swap(database: Path) -> None:
    run(
        database,
        "UPDATE leaf SET seq=-1 WHERE seq=3",
        "UPDATE leaf SET seq=3 WHERE seq=4",
        "UPDATE leaf SET seq=4 WHERE seq=-1",
    )


def remove_and_renumber(database: Path) -> None:
    run(
        database,
        "DELETE FROM leaf WHERE seq=4",
        "UPDATE leaf SET seq=-seq WHERE seq>4",
        "UPDATE leaf SET seq=-seq-1 WHERE seq<0",
    )


def tell_twice(database: Path) -> None:
    size = len(records(database))
    run(database, f"INSERT INTO leaf SELECT {size}+1, rec, h, root, sig FROM leaf WHERE seq={size}")


def sign_another_root(database: Path) -> None:
    run(database, "UPDATE ckpt SET note=(SELECT note FROM ckpt WHERE size=9) WHERE size=8")


def lose_a_checkpoint_of_a_change_of_keys(database: Path) -> None:
    run(database, "DELETE FROM ckpt WHERE size=8")


def rewrite_a_past_epoch(database: Path) -> None:
    rewrite(database, stolen_key(database), lambda f: [harmless(r) if r.seq == 2 else r for r in f])


def drop_the_hand_overs(database: Path) -> None:
    def without(found: list[Record]) -> Sequence[Record]:
        return [r for r in found if r.kind != name_of(KeyRotated)]

    rewrite(database, stolen_key(database), without)


def replace_the_whole_log(database: Path) -> None:
    pinned = (database.parent / PUBLIC_KEY).read_text()
    shutil.rmtree(database.parent)
    sample(database.parent)
    (database.parent / PUBLIC_KEY).write_text(pinned)


ATTACKS: Sequence[Callable[[Path], None]] = (
    edit,
    edit_with_its_hash,
    spell_differently,
    swap,
    remove_and_renumber,
    tell_twice,
    sign_another_root,
    lose_a_checkpoint_of_a_change_of_keys,
    rewrite_a_past_epoch,
    drop_the_hand_overs,
    replace_the_whole_log,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_outsider_finds_who_would(
    attack: Callable[[Path], None], outsider: Outsider, database: Path
) -> None:
    attack(database)
    assert verdict(outsider, database).startswith(("tampered", "refused"))


def test_a_changed_byte_of_an_export_is_found(outsider: Outsider, tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(n)) for n in range(300)]])
    assert verdict(outsider, tmp_path / DATABASE) == "intact"
    pinned = (tmp_path / PUBLIC_KEY).read_text(), identity_of(tmp_path / DATABASE)
    needed = [tmp_path / "tiles/checkpoint", *(tmp_path / "tiles/tile").rglob("*")]
    for path in filter(Path.is_file, needed):
        content = path.read_bytes()
        for at in (0, len(content) // 2, len(content) - 1):
            changed = bytes([*content[:at], content[at] ^ 4, *content[at + 1 :]])
            path.write_bytes(changed)
            assert outsider("tiles", tmp_path / "tiles", *pinned).startswith("tampered"), path
        path.write_bytes(content)


# --- what only a checkpoint kept elsewhere tells


def test_a_rewritten_epoch_of_today_cannot_be_proven_to_have_grown_from_an_anchor(
    outsider: Outsider, tmp_path: Path
) -> None:
    database, key, proofs = tmp_path / DATABASE, tmp_path / "key", tmp_path / "proof"
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1))]])
        (tmp_path / "kept").write_text(str(anchor := writer.head()))
        writer.commit([[prepare(allowed(2))]])
        proofs.write_text(prove(database, 2, [anchor]).growth[2])
        key.write_text(str(first_key(database)))
        assert outsider("growth", tmp_path / "kept", proofs, key.read_text()) == "intact"
        rewrite(database, stolen_key(database), lambda f: [f[0], harmless(f[1]), *f[2:]])
        assert verdict(outsider, database) == "intact"  # the promise that is not made
        made_up = f"old 2\n{proofs.read_text().split(chr(10))[1]}\n\n{newest_note(database)}"
        proofs.write_text(made_up)
        assert outsider("growth", tmp_path / "kept", proofs, key.read_text()).startswith("tampered")


def test_a_log_that_was_cut_off_cannot_be_proven_to_have_grown_from_an_anchor(
    outsider: Outsider, tmp_path: Path
) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        before = writer.head()
        writer.commit([[prepare(allowed(1))]])
        (tmp_path / "kept").write_text(str(writer.head()))
    (tmp_path / "proof").write_text(f"old 2\n\n{before}")
    key = first_key(tmp_path / DATABASE)
    assert outsider("growth", tmp_path / "kept", tmp_path / "proof", key).startswith("tampered")


# --- proofs


@pytest.mark.parametrize("seq", range(1, 14))
def test_a_proof_of_ours_convinces_an_outsider(
    seq: int, outsider: Outsider, database: Path, tmp_path: Path
) -> None:
    (tmp_path / "proof").write_text(prove(database, seq).inclusion)
    assert outsider("record", tmp_path / "proof", identity_of(database)) == "intact"


def test_a_proof_of_another_record_does_not(
    outsider: Outsider, database: Path, tmp_path: Path
) -> None:
    text = prove(database, 4).inclusion
    other = prove(database, 5).inclusion
    swapped = text.replace(text.split("\n")[1], other.split("\n")[1])
    for forged in (swapped, text.replace("index 3", "index 4"), text.replace("\n13\n", "\n14\n")):
        (tmp_path / "proof").write_text(forged)
        said = outsider("record", tmp_path / "proof", identity_of(database))
        assert said.startswith("tampered")


def test_growth_over_many_epochs_convinces_an_outsider(outsider: Outsider, tmp_path: Path) -> None:
    database = write(tmp_path, [[allowed(1)]], FakeClock())
    notes = [newest_note(database)]
    for number in range(5):
        write(tmp_path, [[allowed(n)] * 3 for n in range(number)], FakeClock())
        notes.append(newest_note(database))
    assert verify(database, anchors=notes).verdict is Verdict.INTACT
    for note, text in zip(notes, prove(database, 2, notes).growth.values(), strict=True):
        (tmp_path / "kept").write_text(str(note))
        (tmp_path / "proof").write_text(text)
        key = identity_of(database)
        assert outsider("growth", tmp_path / "kept", tmp_path / "proof", key) == "intact"
        shorter = replace(note.checkpoint, root=bytes(32))
        (tmp_path / "kept").write_text(str(note).replace(note.checkpoint.text(), shorter.text()))
        said = outsider("growth", tmp_path / "kept", tmp_path / "proof", key)
        assert said.startswith("tampered")
