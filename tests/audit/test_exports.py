from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.exports import COLUMNS, write_csv, write_jsonl
from appliance.audit.rows import Row, rows
from appliance.core.events import ActorType, Event, JobFailed, MessageReceived, RequestDenied, Who
from appliance.core.records import decode, draft, leaf_hash
from tests.attacks.audit.intruder import run
from tests.audit.logs import allowed, sample, write
from tests.fakes import FakeClock


def lines(path: Path) -> list[dict[str, object]]:
    out = io.StringIO()
    write_jsonl(rows(path), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def table(found: Sequence[Row]) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    write_csv(found, out)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def logged(directory: Path, *events: Event) -> list[Row]:
    return list(rows(write(directory, [events], FakeClock())))


def test_a_json_line_holds_the_record_as_it_was_signed(tmp_path: Path) -> None:
    for line in lines(sample(tmp_path)):
        encoded = json.dumps(
            line["record"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
        assert leaf_hash(encoded).hex() == line["leaf"]
        assert decode(encoded).seq == line["seq"]


def test_pruned_records_and_lost_values_are_marked(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec=NULL WHERE seq=2", "DELETE FROM payload WHERE seq<=2")
    line = lines(path)[1]
    assert (line["pruned"], line["record"]) == (True, None)
    cells = table(list(rows(path)))[1]
    assert (cells["seq"], cells["pruned"], cells["kind"]) == ("2", "pruned", "")


def test_half_a_character_does_not_stop_an_export(tmp_path: Path) -> None:
    found = logged(tmp_path, MessageReceived(key="k\ud800", place="p", text="\udfff"))
    out = io.StringIO()
    write_jsonl(found, out)
    out.getvalue().encode()
    assert "\\ud800" in table(found)[1]["data"]
    io.TextIOWrapper(io.BytesIO(), "utf-8").write(table(found)[1]["data"])


def test_a_table_has_a_column_for_what_people_ask_for(tmp_path: Path) -> None:
    row = table(logged(tmp_path, allowed(1)))[1]
    assert tuple(row) == COLUMNS
    assert row["actor"] == "anna"
    assert row["rule"] == "policies/default.csv:14"
    assert row["time"] == "2027-01-15T08:00:01.000Z"
    assert json.loads(row["values"]) == {"input": '{"command":"git log -1"}'}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])
def test_no_cell_is_a_formula(begin: str, tmp_path: Path) -> None:
    evil = f"{begin}HYPERLINK(A1)"
    event = RequestDenied(
        who=Who(ActorType.USER, evil, evil),
        act=evil,
        object=evil,
        project=evil,
        rule=evil,
        reason=evil,
    )
    row = table(logged(tmp_path, event, JobFailed(job=-5, reason="x")))[1]
    assert [cell for cell in row.values() if cell.startswith(begin)] == []
    assert row["object"] == "'" + evil


@given(st.text(max_size=40))
def test_every_cell_is_read_back_as_it_was(text: str) -> None:
    made = draft(MessageReceived(key="k", place="p", text=text), lambda: bytes(32))
    kept = {value.name: value.text for value in made.values}
    row = table([Row(1, bytes(32), None, None, kept, {}, None)])[0]
    assert json.loads(row["values"] or "{}") == kept
