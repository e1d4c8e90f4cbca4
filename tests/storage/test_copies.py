"""Copies of the state: of one moment, and harmless before anybody works with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.core.model import Millis, PostKind, Reply, Rich
from appliance.errors import BackupUnusable, StorageUnavailable
from appliance.storage.copies import copy_state, quieten
from appliance.storage.database import SCHEMA_VERSION, Database
from appliance.storage.state import SqliteState
from tests.examples import ALICE, BOB, NOW, PLACE, message
from tests.storage.crash_migration import NEXT
from tests.storage.schemas import furnish


def silent(_done: int, _total: int) -> None:
    return None


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    with closing(SqliteState.open(tmp_path)) as state:
        furnish(state)
        copy_state(tmp_path / "state.db", tmp_path / "copy" / "state.db", silent)
    return tmp_path / "copy" / "state.db"


def run(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_copy_is_one_private_file_with_all_in_it(copy: Path) -> None:
    assert [path.name for path in copy.parent.iterdir()] == ["state.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(SqliteState.open(copy.parent)) as state:
        assert len(state.accounts()) == 1


def test_progress_is_told_in_pages(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with closing(SqliteState.open(tmp_path)) as state:
        furnish(state)
        schema = copy_state(
            tmp_path / "state.db", tmp_path / "copy", lambda done, all_: told.append((done, all_))
        )
    assert schema == SCHEMA_VERSION
    assert told[-1][0] == told[-1][1] > 10


def test_nothing_is_copied_over(copy: Path) -> None:
    with pytest.raises(StorageUnavailable):
        copy_state(copy, copy, silent)
    with pytest.raises(StorageUnavailable):
        copy_state(copy.with_name("nothing"), copy.with_name("new"), silent)


def test_what_was_under_way_is_set_aside_and_the_rest_stays(copy: Path) -> None:
    quieten(copy, NOW)
    with closing(SqliteState.open(copy.parent)) as state:
        assert state.waiting() == ()
        assert state.places_with_mail() == ()
        assert state.awake() is None
        assert len(state.accounts()) == len(state.paired_places()) == 1
        assert len(state.unfinished_jobs()) == 2
        assert not state.accept(message("and the other one", 2), ALICE)  # it is known
        assert state.accept(message("a new one", 3), BOB)
        assert state.waiting()[0][0] == message("a new one", 3)
        fresh = state.post(PLACE, Reply(Rich("new")))
        delivery = state.next_delivery(PLACE)
        assert delivery is not None
        assert delivery.post.id == fresh
        assert not delivery.is_in_doubt
        state.restoration.settle()
        assert len(state.waiting()) == 1


def test_it_is_told_by_place_what_was_set_aside(copy: Path) -> None:
    with closing(SqliteState.open(copy.parent)) as state, state.transaction():
        state.post(PLACE, Reply(Rich("one more")))
        state.post(PLACE, Reply(Rich("✓")), kind=PostKind.MARK, marks="101")
    quieten(copy, NOW)
    quieten(copy, Millis(NOW + 1))  # twice is as once
    with closing(SqliteState.open(copy.parent)) as state:
        assert state.restoration.made_at() == NOW + 1
        ((place, messages, posts),) = [
            (aside.place, aside.messages, aside.posts) for aside in state.restoration.set_aside()
        ]
        assert (place, messages, posts) == (PLACE, 1, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER spy AFTER INSERT ON inbox BEGIN DELETE FROM lockdown; END",
        "CREATE VIEW shown AS SELECT * FROM inbox",
        "CREATE TABLE more (a)",
        "DROP INDEX inbox_user",
        "DROP TABLE awake",
        "ALTER TABLE awake ADD COLUMN more TEXT",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 99",
    ],
)
def test_a_state_that_is_not_as_ours_is_refused(statement: str, copy: Path) -> None:
    run(copy, statement)
    with pytest.raises(BackupUnusable):
        quieten(copy, NOW)


def test_a_state_of_a_newer_version_is_refused_with_the_reason(copy: Path) -> None:
    Database(copy, NEXT).close()
    with pytest.raises(BackupUnusable, match="newer version"):
        quieten(copy, NOW)


@pytest.mark.parametrize("place", [0, 20, 100, 5000, 9000, 30_000, 50_000])
def test_a_damaged_state_is_refused_or_read_as_it_is(place: int, copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[place : place + 40] = b"\xff" * 40
    copy.write_bytes(content)
    try:
        quieten(copy, NOW)
    except BackupUnusable:
        return
    SqliteState.open(copy.parent).close()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"x" * 10_000])
def test_what_is_no_state_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(BackupUnusable):
        quieten(tmp_path / "state.db", NOW)
