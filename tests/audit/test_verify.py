from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit import examination
from appliance.audit.checkpoint import parse_public_key
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from tests.audit.logs import BOOT, allowed, sample
from tests.fakes import FakeClock


def test_an_untouched_log_is_intact(tmp_path: Path) -> None:
    found = verify(sample(tmp_path))
    assert (found.verdict, found.size, found.epochs) == (Verdict.INTACT, 13, 4)
    assert found.remarks == ()
    assert not found.pinned


def test_the_first_public_key_can_be_pinned(tmp_path: Path) -> None:
    path = sample(tmp_path)
    key = parse_public_key((tmp_path / PUBLIC_KEY).read_text())
    assert verify(path, public_key=key).pinned
    assert verify(path, public_key=key).verdict is Verdict.INTACT


def test_a_log_in_use_can_be_verified_and_goes_on(tmp_path: Path) -> None:
    writer = Writer(tmp_path, FakeClock(), BOOT)
    for number in range(3):
        (receipt,) = writer.commit([[prepare(allowed(number))]])
        found = verify(tmp_path / DATABASE)
        assert found.verdict is Verdict.INTACT
        assert (found.size, found.root) == (receipt.seq, receipt.root)
    writer.close()


def test_verifying_twice_finds_the_same(tmp_path: Path) -> None:
    path = sample(tmp_path)
    assert verify(path) == verify(path)


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "BATCH_ROWS", 5)
    told: list[tuple[int, int]] = []
    verify(sample(tmp_path), report=lambda done, total: told.append((done, total)))
    assert told == [(5, 13), (10, 13), (13, 13)]


def test_a_log_can_be_verified_where_nothing_may_be_written(tmp_path: Path) -> None:
    path = sample(tmp_path / "log")
    path.chmod(0o400)
    (tmp_path / "log").chmod(0o500)
    assert verify(path).verdict is Verdict.INTACT
    (tmp_path / "log").chmod(0o700)
