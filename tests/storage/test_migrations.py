"""A database of every released version becomes one of this version, whole, or stays as it was."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import database as audit
from appliance.errors import StorageUnavailable
from appliance.storage.database import SCHEMA, SCHEMA_VERSION, Database
from appliance.storage.migrations import STEPS, Schema, former
from appliance.storage.state import SqliteState
from tests.storage import schemas
from tests.storage.crash_migration import FROM, NEXT


@pytest.fixture
def furnished(tmp_path: Path) -> Path:
    with closing(SqliteState.open(tmp_path)) as state:
        schemas.furnish(state)
    return tmp_path / "state.db"


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is in a database, without changing it."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}


def version(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


# --- what was released


def test_there_is_a_step_from_every_version_before_this_one() -> None:
    assert set(STEPS) == set(range(1, SCHEMA_VERSION))
    assert set(audit.STEPS) == set(range(audit.SCHEMA_VERSION))


@pytest.mark.parametrize("released", schemas.released("state") or [None])
def test_a_database_of_a_released_version_becomes_one_of_this(
    released: int | None, tmp_path: Path
) -> None:
    old, new = tmp_path / "old" / "state.db", tmp_path / "new" / "state.db"
    for path in (old, new):
        path.parent.mkdir()
    Database(new).close()
    if released is None:  # nothing is released yet
        Database(old).close()
    else:
        schemas.load("state", released, old)
    with closing(SqliteState.open(old.parent)) as state:
        assert state.accounts() or released is None
        state.unfinished_jobs()
        state.open_approvals()
    assert schemas.statements(old) == schemas.statements(new)


@pytest.mark.parametrize("released", schemas.released("audit") or [None])
def test_a_log_of_a_released_version_becomes_one_of_this(
    released: int | None, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    audit.open_for_writing(new, sqlite3.Connection).close()
    if released is not None:
        schemas.load("audit", released, old)
    audit.open_for_writing(old, sqlite3.Connection).close()
    assert schemas.statements(old) == schemas.statements(new)


def test_a_schema_that_is_released_is_not_changed() -> None:
    assert [said for said in schemas.unreleased() if "is released" in said] == []


def test_a_release_wants_every_schema_frozen_and_as_it_was_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "DUMPS", tmp_path / "dumps")
    freeze = "python -m tests.storage.schemas freeze"
    assert list(schemas.unreleased()) == [
        f"schema {SCHEMA_VERSION} of state is not frozen: {freeze}",
        f"schema {audit.SCHEMA_VERSION} of audit is not frozen: {freeze}",
    ]
    state, _ = schemas.freeze()
    assert list(schemas.unreleased()) == []
    state.write_text(f"{state.read_text()}CREATE TABLE was_there (x);\n")
    assert [said.split(" is ")[0] for said in schemas.unreleased()] == [
        f"schema {SCHEMA_VERSION} of state"
    ]


def test_what_would_be_frozen_can_be_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "DUMPS", tmp_path / "dumps")
    assert [path.stem for path in schemas.freeze()] == ["state-1", "audit-1"]
    with pytest.raises(SystemExit, match="never changed"):
        list(schemas.freeze())
    for name in ("state", "audit"):
        schemas.load(name, 1, tmp_path / f"{name}.db")
    with closing(SqliteState.open(tmp_path)) as state:
        assert len(state.accounts()) == 1
    audit.open_for_writing(tmp_path / "audit.db", sqlite3.Connection).close()


# --- the mechanism


def test_steps_are_taken_in_order_and_what_was_there_stays(furnished: Path) -> None:
    before = rows(furnished)
    Database(furnished, NEXT).close()
    after = rows(furnished)
    assert version(furnished) == FROM + 2
    assert [row[:2] for row in before["step"]] == after["step"]
    assert {name: after[name] for name in before if name not in ("awake", "step")} == {
        name: before[name] for name in before if name not in ("awake", "step")
    }
    assert after["later"] == []


def test_a_copy_is_kept_before_the_first_step(furnished: Path) -> None:
    before = rows(furnished)
    Database(furnished, NEXT).close()
    copy = former(furnished, FROM)
    assert rows(copy) == before
    assert version(copy) == FROM
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.rename(furnished)
    with closing(SqliteState.open(furnished.parent)) as state:
        assert len(state.accounts()) == 1


def test_a_step_that_fails_leaves_the_database_as_it_was(furnished: Path) -> None:
    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM job")

    before = rows(furnished)
    with pytest.raises(StorageUnavailable, match="refers to nothing"):
        Database(furnished, Schema(FROM + 1, SCHEMA.tables, {FROM: orphan}))
    assert (rows(furnished), version(furnished)) == (before, FROM)
    Database(furnished).close()  # the lock is free


@pytest.mark.crash
@pytest.mark.parametrize(("where", "reached"), [("copy", FROM), ("step", FROM + 1)])
def test_a_crash_leaves_a_whole_schema_from_which_it_goes_on(
    where: str, reached: int, furnished: Path
) -> None:
    before = rows(furnished)
    died = subprocess.run(
        [sys.executable, "-m", "tests.storage.crash_migration", str(furnished), where], check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert version(furnished) == reached
    assert former(furnished, FROM).exists() == (where == "step")
    Database(furnished, NEXT).close()
    assert version(furnished) == NEXT.version
    assert [row[:2] for row in before["step"]] == rows(furnished)["step"]


def test_a_newer_database_is_refused_with_the_reason_and_not_touched(furnished: Path) -> None:
    Database(furnished, NEXT).close()
    content = furnished.read_bytes()
    with pytest.raises(StorageUnavailable, match="newer version \\(schema 3, this one knows 1\\)"):
        Database(furnished)
    assert furnished.read_bytes() == content


def test_a_log_is_brought_up_and_a_newer_one_refused(tmp_path: Path) -> None:
    log = tmp_path / "audit.db"
    steps = {**audit.STEPS, audit.SCHEMA_VERSION: ("CREATE TABLE later (a INTEGER) STRICT",)}
    with closing(audit.open_for_writing(log, sqlite3.Connection)) as connection:
        audit.bring_up(connection, audit.SCHEMA_VERSION + 1, steps)
    assert version(log) == audit.SCHEMA_VERSION + 1
    with pytest.raises(sqlite3.Error, match="a newer version made it"):
        audit.open_for_writing(log, sqlite3.Connection)
