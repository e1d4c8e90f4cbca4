"""Entries of journald's native protocol, over a socket that plays journald."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import journald
from tests.fakes_journald import entries, listening

PATH = "socket"


def test_an_entry_arrives_with_all_its_fields(tmp_path: Path) -> None:
    sent = {"MESSAGE": "two\nlines = 2\n", "PRIORITY": "6", "JOB": "12", "EMPTY": "", "ODD": "ä\0"}
    with listening(tmp_path / PATH) as journal:
        journald.send(tmp_path / PATH, sent)
        assert list(entries(journal)) == [sent]


def test_what_no_text_can_be_does_not_break_an_entry(tmp_path: Path) -> None:
    with listening(tmp_path / PATH) as journal:
        journald.send(tmp_path / PATH, {"MESSAGE": "half \ud83d"})
        assert list(entries(journal)) == [{"MESSAGE": "half ?"}]


def test_who_is_not_heard_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        journald.send(tmp_path / PATH, {"MESSAGE": "?"})
    with listening(tmp_path / PATH), pytest.raises(OSError, match="too long"):
        journald.send(tmp_path / PATH, {"MESSAGE": "x" * 10_000_000})
