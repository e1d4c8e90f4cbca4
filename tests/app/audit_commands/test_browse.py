from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from appliance.app.audit_commands.browse import command, metadata
from appliance.errors import ApplianceError, AuditUnavailable
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import write
from tests.fakes import FakeClock


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write(tmp_path, [[event] for event in life(12)], FakeClock())


def record(database: Path, seq: int) -> Mapping[str, Any]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM record WHERE seq=?", (seq,)).fetchone()
        return dict(row)


@pytest.mark.skipif(find_spec("datasette") is not None, reason="Datasette is installed")
def test_without_datasette_one_sentence_says_how_to_get_it(database: Path) -> None:
    with pytest.raises(ApplianceError, match="needs Datasette") as caught:
        audit("browse", database)
    assert "pip install 'dispatch-appliance[browse]'" in str(caught.value.hint)


def test_without_a_log_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read"):
        audit("browse", tmp_path)


def test_it_listens_on_this_machine_and_wants_a_token(database: Path) -> None:
    words = command(database, 0)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "--root" in words
    assert words[-1] == str(database)
    told = metadata(database)
    assert isinstance(told, dict)
    assert told["allow"] == {"id": "root"}


def test_what_is_shown_and_hidden_is_there(database: Path) -> None:
    told: Any = metadata(database)
    with closing(sqlite3.connect(database)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert told["databases"]["audit"]["tables"].keys() <= names
    columns = record(database, 2).keys()
    shown = told["databases"]["audit"]["tables"]["record"]
    assert {*shown["facets"], shown["sort_desc"]} <= columns


def test_the_view_decodes_records(database: Path) -> None:
    denied = record(database, 12)
    assert denied["time"] == "2027-01-15 08:00:11.000"
    assert (denied["kind"], denied["outcome"]) == ("request.denied", "denied")
    assert (denied["who"], denied["job"], denied["project"]) == ("agent", 12, "web")
    assert denied["rule"] == "/etc/dispatch/policies/default.csv:60"
    assert "/etc/shadow" in denied["private"]
    assert record(database, 2)["job"] is None


def test_the_view_goes_past_records_that_are_damaged_or_pruned(database: Path) -> None:
    run(
        database,
        "UPDATE leaf SET rec=CAST('{' AS BLOB) WHERE seq=3",
        "UPDATE leaf SET rec=NULL WHERE seq=4",
    )
    for seq in (3, 4):
        assert (record(database, seq)["kind"], len(record(database, seq)["hash"])) == (None, 64)
