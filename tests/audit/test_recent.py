"""The newest records for a phone: few words of each, and all of it is what was signed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit import recent, wire
from appliance.audit.client import RemoteAudit
from appliance.audit.database import DATABASE
from appliance.audit.log import AuditLog
from appliance.audit.rights import Rights
from appliance.audit.writer import Writer, prepare
from appliance.core.events import MessageReceived
from appliance.errors import AuditUnavailable
from tests.audit.logs import ANNA, BOOT, allowed, denied, queued
from tests.audit.serving import ME, hosted, served
from tests.fakes import FakeClock


def writer(directory: Path) -> Writer:
    """A log of a beginning and five records."""
    found = Writer(directory, FakeClock(), BOOT)
    said = MessageReceived(who=ANNA, key="telegram:1:1", place="telegram:1", text="my words")
    for event in (said, allowed(1), queued(1), denied(1), allowed(2)):
        found.commit([[prepare(event)]])
    return found


def test_the_newest_come_first_in_few_words(tmp_path: Path) -> None:
    with closing(writer(tmp_path)) as log:
        page = log.newest("", 0, 0, 0)
    assert [line.seq for line in page.lines] == [6, 5, 4, 3, 2, 1]
    assert (page.first, page.size, page.anchored) == (1, 6, 0)
    newest = page.lines[0]
    assert (newest.who, newest.kind, newest.outcome) == ("anna", "request.allowed", "allowed")
    assert newest.what.startswith("git log -2")
    assert page.lines[1].who == "job:1"
    assert page.lines[4].what == "my words"


def test_a_person_a_job_or_a_time_is_chosen(tmp_path: Path) -> None:
    with closing(writer(tmp_path)) as log:
        assert [line.seq for line in log.newest("anna", 0, 0, 0).lines] == [6, 4, 3, 2]
        assert [line.seq for line in log.newest("", 1, 0, 0).lines] == [5, 4]
        assert [line.seq for line in log.newest("", 0, 2**50, 0).lines] == []
        assert log.newest("nobody", 0, 0, 0).lines == ()


def test_a_page_ends_where_the_next_one_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "SHOWN", 2)
    with closing(writer(tmp_path)) as log:
        page = log.newest("", 0, 0, 0)
        assert ([line.seq for line in page.lines], page.first) == ([6, 5], 5)
        page = log.newest("", 0, 0, page.first)
        assert ([line.seq for line in page.lines], page.first) == ([4, 3], 3)
        assert log.newest("", 0, 0, 1).lines == ()


def test_no_more_is_looked_at_than_the_writer_has_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "LOOKED_AT", 3)
    with closing(writer(tmp_path)) as log:
        page = log.newest("nobody", 0, 0, 0)
        assert (page.lines, page.first) == ((), 4)


def test_what_was_redacted_is_not_told(tmp_path: Path) -> None:
    with closing(writer(tmp_path)) as log:
        log.redact(2, "text", "a password", ANNA)
        told = [line.what for line in log.newest("", 0, 0, 0).lines]
    assert "[redacted]" in told
    assert "my words" not in told


def test_the_age_of_the_newest_anchor_is_told(tmp_path: Path) -> None:
    with closing(writer(tmp_path)) as log:
        log.record_anchor(6, "chat", str(log.head()))
        log.commit([[prepare(queued(2))]])
        page = log.newest("", 0, 0, 0)
    assert (page.size, page.anchored) == (7, 6)
    assert page.anchored_at == page.lines[1].at


@pytest.mark.parametrize("seq", [6, 4])
def test_a_record_that_was_changed_is_not_shown(tmp_path: Path, seq: int) -> None:
    with closing(writer(tmp_path)) as log:
        change(
            tmp_path,
            "UPDATE leaf SET rec=CAST(replace(rec, 'anna', 'otto') AS BLOB) WHERE seq=?",
            seq,
        )
        with pytest.raises(AuditUnavailable, match="does not prove what it says: record"):
            log.newest("", 0, 0, 0)


def test_a_record_that_was_changed_with_its_hash_is_not_shown(tmp_path: Path) -> None:
    with closing(writer(tmp_path)) as log:
        change(
            tmp_path,
            "UPDATE leaf SET rec=(SELECT rec FROM leaf WHERE seq=3),"
            " h=(SELECT h FROM leaf WHERE seq=3) WHERE seq=?",
            4,
        )
        with pytest.raises(AuditUnavailable, match="are not what was signed"):
            log.newest("", 0, 0, 0)


def change(directory: Path, statement: str, seq: int) -> None:
    with closing(sqlite3.connect(directory / DATABASE)) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type='trigger'")
        for (name,) in triggers.fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement, (seq,))
        database.commit()


async def test_a_daemon_without_a_right_to_the_database_is_told_over_the_socket(
    tmp_path: Path,
) -> None:
    log, path = writer(tmp_path / "log"), tmp_path / "socket"
    with closing(log):
        rights = Rights(writers=frozenset((ME,)), administrators=frozenset())
        async with hosted(log, path, rights):
            remote = RemoteAudit(path, (ME,), FakeClock())
            assert await remote.newest("anna", 0, 0, 0) == log.newest("anna", 0, 0, 0)
            await remote.close()


async def test_a_daemon_that_keeps_the_log_itself_reads_the_same(tmp_path: Path) -> None:
    async with AuditLog(writer(tmp_path)) as log:
        assert [line.seq for line in (await log.newest("anna", 0, 0, 0)).lines] == [6, 4, 3, 2]


def test_who_has_no_right_to_the_log_reads_nothing(tmp_path: Path) -> None:
    with served(tmp_path, Rights(frozenset(), frozenset())) as log:
        assert isinstance(log.ask(wire.ReadLog("", 0, 0, 0)), wire.Refused)
