"""Room for the state, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.app import room


def test_a_directory_that_is_not_there_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    assert room.free_bytes(tmp_path / "not/yet/there") > 0


def test_enough_room_needs_no_words(tmp_path: Path) -> None:
    assert room.shortfall(tmp_path) == ""


def test_too_little_room_says_how_much_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "NEEDED_BYTES", 10**18)
    line = room.shortfall(tmp_path)
    assert "MB free" in line
    assert "make room" in line
