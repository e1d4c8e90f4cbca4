"""How much is in a state database, and what people wrote to be left out elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from appliance.core.model import Edited
from appliance.errors import StorageUnavailable
from appliance.storage.counts import counts, said
from appliance.storage.database import SCHEMA_VERSION
from appliance.storage.state import SqliteState
from tests.examples import ALICE, NOW, PLACE
from tests.storage.schemas import furnish


def test_there_are_numbers_and_no_rows(tmp_path: Path) -> None:
    with closing(SqliteState.open(tmp_path)) as state:
        furnish(state)
        found = counts(tmp_path / "state.db")
    assert found.schema == SCHEMA_VERSION
    assert (found.rows["inbox"], found.rows["job"], found.rows["account"]) == (2, 2, 1)
    assert found.jobs == {"queued": 1, "running": 1}


def test_what_was_written_is_known_edits_and_tasks_included(tmp_path: Path) -> None:
    with closing(SqliteState.open(tmp_path)) as state:
        furnish(state)
        state.accept(Edited("telegram:1:9", ALICE.sender, PLACE, "in other words", NOW, "7"), ALICE)
        assert said(tmp_path / "state.db") == {"fix the bug", "and the other one", "in other words"}


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    for count in (counts, said):
        with pytest.raises(StorageUnavailable):
            count(tmp_path / "state.db")
    assert not list(tmp_path.iterdir())
