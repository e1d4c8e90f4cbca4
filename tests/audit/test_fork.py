from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.checkpoint import Note, parse_public_key
from appliance.audit.database import DATABASE, PUBLIC_KEY, reading
from appliance.audit.fork import fork
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.core.events import AuditForked, name_of
from appliance.core.records import Record, decode
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, BOOT, queued, sample
from tests.fakes import FakeClock


def forked(directory: Path, *anchors: Note) -> Path:
    return fork(directory, FakeClock(), BOOT, reason="disk died", who=ANNA, anchors=anchors)


def first(directory: Path) -> Record:
    with reading(directory / DATABASE) as connection:
        (encoded,) = connection.execute("SELECT rec FROM leaf WHERE seq=1").fetchone()
    return decode(encoded)


def origin(directory: Path) -> str:
    return parse_public_key((directory / PUBLIC_KEY).read_text()).name


def test_a_log_that_cannot_go_on_is_followed_by_one_that_cites_it(tmp_path: Path) -> None:
    database = sample(tmp_path)
    before, content = origin(tmp_path), database.read_bytes()
    known = verify(database)
    old = forked(tmp_path)
    record = first(tmp_path)
    assert record.kind == name_of(AuditForked)
    assert record.actor == ANNA
    assert record.data["reason"] == "disk died"
    assert record.data["previous_origin"] == before != origin(tmp_path)
    assert record.data["kept_size"] == record.data["lost_size"] == known.size
    assert record.data["kept_root"] == known.root.hex()
    assert (old / DATABASE).read_bytes() == content
    assert origin(old) == before


def test_the_new_log_is_written_to_and_verifies(tmp_path: Path) -> None:
    sample(tmp_path)
    forked(tmp_path)
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(queued())]])
    found = verify(tmp_path / DATABASE)
    assert found.verdict is Verdict.INTACT
    assert found.public_key == (tmp_path / PUBLIC_KEY).read_text().strip()


def test_the_old_log_cannot_be_added_to(tmp_path: Path) -> None:
    sample(tmp_path)
    before = {path.read_bytes() for path in keys.files(tmp_path)}
    old = forked(tmp_path)
    assert not keys.files(old)
    assert before.isdisjoint(path.read_bytes() for path in keys.files(tmp_path))
    with pytest.raises(AuditBroken, match="cannot be read"):
        Writer(old, FakeClock(), BOOT)


def test_what_a_checkpoint_kept_elsewhere_knows_is_cited_as_lost(tmp_path: Path) -> None:
    sample(tmp_path)
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        anchor = writer.head()
    run(
        tmp_path / DATABASE,
        "DELETE FROM leaf WHERE seq>1",
        "DELETE FROM ckpt WHERE size>1",
        "DELETE FROM payload",
    )
    with pytest.raises(AuditBroken):
        Writer(tmp_path, FakeClock(), BOOT, anchors=[anchor])
    forged = Note(anchor.checkpoint, anchor.signatures[1:])
    forked(tmp_path, forged, anchor)
    data = first(tmp_path).data
    assert (data["kept_size"], data["lost_size"]) == (1, anchor.checkpoint.size)
    assert data["lost_root"] == anchor.checkpoint.root.hex()


def test_a_checkpoint_that_the_identity_did_not_sign_is_not_cited(tmp_path: Path) -> None:
    sample(tmp_path)
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        note = writer.head()
    other = sample(tmp_path / "other")
    with closing(Writer(other.parent, FakeClock(), BOOT)) as writer:
        foreign = writer.head()
    run(tmp_path / DATABASE, "UPDATE leaf SET h=randomblob(32) WHERE seq=2")
    forked(tmp_path, foreign)
    data = first(tmp_path).data
    assert data["kept_size"] == 1
    assert data["lost_size"] == note.checkpoint.size + 1  # the log's own last checkpoint


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000])
def test_a_log_that_is_gone_can_be_followed(content: bytes | None, tmp_path: Path) -> None:
    database = sample(tmp_path)
    before = origin(tmp_path)
    database.unlink()
    if content is not None:
        database.write_bytes(content)
    with closing(Writer(sample(tmp_path / "other").parent, FakeClock(), BOOT)) as writer:
        foreign = writer.head()
    forked(tmp_path, foreign)
    data = first(tmp_path).data
    assert (data["previous_origin"], data["kept_size"], data["lost_size"]) == (before, 0, 0)


def test_each_fork_keeps_its_log(tmp_path: Path) -> None:
    sample(tmp_path)
    first_kept, second_kept = forked(tmp_path), forked(tmp_path)
    assert first_kept != second_kept
    assert first(second_kept).data["previous_origin"] == origin(first_kept)
    assert first(tmp_path).data["previous_origin"] == origin(second_kept)


def test_there_is_nothing_to_follow_where_no_log_is(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(AuditUnavailable, match=r"no audit log|cannot begin"):
            forked(directory)


def test_a_log_that_is_written_is_not_forked(tmp_path: Path) -> None:
    with (
        closing(Writer(tmp_path, FakeClock(), BOOT)),
        pytest.raises(AuditUnavailable, match="another process"),
    ):
        forked(tmp_path)
