from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.audit.logs import sample


@pytest.mark.parametrize(("form", "count"), [("jsonl", 13), ("csv", 14), ("ocsf", 13)])
def test_the_whole_log_goes_to_standard_output(form: str, count: int, tmp_path: Path) -> None:
    status, lines = audit("export", sample(tmp_path), "--format", form)
    assert status == 0
    assert len(lines) == count


@pytest.mark.parametrize("form", ["jsonl", "csv", "ocsf"])
def test_filters_are_those_of_log(form: str, tmp_path: Path) -> None:
    path = sample(tmp_path)
    _, shown = audit("log", path, "--kind", "request.denied")
    _, lines = audit("export", path, "--format", form, "--kind", "request.denied")
    assert len(lines) - (form == "csv") == len(shown) == 2


def test_a_file_is_for_its_owner_only_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = sample(tmp_path / "log")
    target = tmp_path / "out" / "log.csv"
    target.parent.mkdir()
    status, lines = audit("export", path, "--format", "csv", "--out", target)
    assert (status, lines) == (0, [])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]
    with target.open(newline="") as file:
        assert len(list(csv.reader(file))) == 14


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "log.jsonl"
    target.write_text("yesterday's")
    with pytest.raises(ApplianceError):
        audit("export", tmp_path / "nothing.db", "--format", "jsonl", "--out", target)
    assert target.read_text() == "yesterday's"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    path = sample(tmp_path)
    with pytest.raises(ApplianceError, match="cannot write"):
        audit("export", path, "--format", "jsonl", "--out", tmp_path / "no" / "where")


def test_tiles_are_of_the_whole_log(tmp_path: Path) -> None:
    path = sample(tmp_path / "log")
    status, lines = audit("export", path, "--format", "tiles", "--out", tmp_path / "tiles")
    assert status == 0
    assert lines == [f"13 records in {tmp_path / 'tiles'}"]
    with pytest.raises(ApplianceError, match="whole log"):
        audit("export", path, "--format", "tiles", "--out", tmp_path / "some", "--job", 1)
    with pytest.raises(ApplianceError, match="many files"):
        audit("export", path, "--format", "tiles")


def test_json_lines_can_be_read_by_any_program(tmp_path: Path) -> None:
    _, lines = audit("export", sample(tmp_path), "--format", "jsonl")
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 14))
