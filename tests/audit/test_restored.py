"""A log from a backup: held against what was kept elsewhere, and continued by one that cites it."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import restored
from appliance.audit.checkpoint import Note, parse_public_key
from appliance.audit.copies import copy_log
from appliance.audit.database import DATABASE, PUBLIC_KEY, reading
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.records import decode
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, BOOT, queued, sample
from tests.fakes import FakeClock


def silent(_done: int, _total: int) -> None:
    return None


@pytest.fixture
def log(tmp_path: Path) -> Path:
    sample(tmp_path / "log")
    return tmp_path / "log"


@pytest.fixture
def backup(log: Path, tmp_path: Path) -> Path:
    place = tmp_path / "backup"
    place.mkdir()
    copy_log(log / DATABASE, place / DATABASE, silent)
    shutil.copy(log / PUBLIC_KEY, place / PUBLIC_KEY)
    return place


def grown(log: Path) -> Note:
    """The log goes on after the backup was made; a checkpoint of it."""
    with closing(Writer(log, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(queued())]])
        return writer.head()


def prepared(backup: Path, log: Path, *anchors: Note) -> str:
    return restored.prepare(
        backup, log, FakeClock(), BOOT, reason="restored", who=ANNA, anchors=anchors
    )


def first(log: Path) -> dict[str, object]:
    with reading(log / DATABASE) as connection:
        (encoded,) = connection.execute("SELECT rec FROM leaf WHERE seq=1").fetchone()
    return dict(decode(encoded).data)


def test_a_copy_is_one_private_file_of_one_moment(log: Path, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with closing(Writer(log, FakeClock(), BOOT)) as writer:
        before = verify(log / DATABASE).size
        told: list[tuple[int, int]] = []

        def report(done: int, total: int) -> None:
            if not told:
                writer.commit([[prepare(queued())]])
            told.append((done, total))

        copy_log(log / DATABASE, tmp_path / "place" / "copy", report)
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["copy"]
    assert (tmp_path / "place" / "copy").stat().st_mode & 0o777 == 0o600
    found = verify(tmp_path / "place" / "copy")
    assert (found.verdict, found.size) == (Verdict.INTACT, before)
    with pytest.raises(AuditUnavailable):
        copy_log(log / "nothing", tmp_path / "other", report)


def test_a_log_that_is_what_was_signed_passes_with_what_was_kept_elsewhere(
    log: Path, backup: Path
) -> None:
    key = parse_public_key((log / PUBLIC_KEY).read_text())
    later = grown(log)
    examined = restored.examine(backup, key, [later], silent)
    assert examined.found.verdict is Verdict.INTACT
    assert examined.beyond == (later,)


def test_a_checkpoint_that_tells_of_other_records_is_a_reason_to_stop(
    log: Path, backup: Path, tmp_path: Path
) -> None:
    note = grown(log)
    with closing(Writer(log, FakeClock(), BOOT)):
        pass
    run(backup / DATABASE, "UPDATE leaf SET rec=x'00' WHERE seq=3")
    with pytest.raises(AuditBroken, match="tampered at record 3"):
        restored.examine(backup, None, [note], silent)


def test_another_log_under_its_key_is_a_reason_to_stop(backup: Path, tmp_path: Path) -> None:
    other = sample(tmp_path / "other").parent
    key = parse_public_key((backup / PUBLIC_KEY).read_text())
    shutil.copy(other / DATABASE, backup / DATABASE)
    with pytest.raises(AuditBroken):
        restored.examine(backup, key, [], silent)
    with pytest.raises(AuditBroken, match="not the one that its log begins with"):
        restored.examine(backup, None, [], silent)


def test_what_is_no_log_is_a_reason_to_stop(backup: Path) -> None:
    (backup / DATABASE).write_bytes(b"")
    with pytest.raises(AuditBroken):
        restored.examine(backup, None, [], silent)


def test_the_new_log_cites_the_restored_one_and_what_is_lost(
    log: Path, backup: Path, tmp_path: Path
) -> None:
    later, place = grown(log), tmp_path / "machine"
    key = prepared(backup, place, later)
    restored.finish(place)
    data, size = first(place), verify(backup / DATABASE).size
    assert (data["kept_size"], data["lost_size"]) == (size, later.checkpoint.size)
    assert (place / PUBLIC_KEY).read_text().strip() == key
    assert verify(place / DATABASE).verdict is Verdict.INTACT
    assert (place / "forked-1" / DATABASE).read_bytes() == (backup / DATABASE).read_bytes()
    grown(place)
    assert sorted(path.name for path in place.iterdir() if path.is_dir()) == ["forked-1"]


def test_a_log_that_is_there_goes_on_until_then_and_is_kept(log: Path, backup: Path) -> None:
    prepared(backup, log)
    grown(log)
    size = verify(log / DATABASE).size
    restored.finish(log)
    assert verify(log / "forked-2" / DATABASE).size == size
    assert not list((log / "forked-2").glob("*.key"))
    assert first(log)["lost_size"] == verify(backup / DATABASE).size
    restored.finish(log)  # nothing more is done
    assert verify(log / DATABASE).verdict is Verdict.INTACT


def test_what_was_prepared_is_prepared_anew(log: Path, backup: Path) -> None:
    first_key = prepared(backup, log)
    assert prepared(backup, log) != first_key
    restored.discard(log)
    restored.finish(log)
    assert not list(log.glob("forked-*"))


def test_a_log_that_is_written_is_not_replaced(log: Path, backup: Path) -> None:
    prepared(backup, log)
    with closing(Writer(log, FakeClock(), BOOT)):
        with pytest.raises(AuditUnavailable):
            restored.finish(log)
        with pytest.raises(AuditUnavailable):
            restored.require_nobody_writes(log)
    restored.require_nobody_writes(log)
    assert not restored.is_empty(log)
