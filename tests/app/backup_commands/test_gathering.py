"""What goes into a backup: all of it of one moment, and no secret unasked."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.database import reading
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.backup.manifest import CREDENTIALS, LOG, STATE, parse
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import TOKEN, Installation, unpacked
from tests.audit.kept_log import kept
from tests.audit.logs import BOOT
from tests.fakes import FakeClock


def test_no_secret_is_in_it_unless_asked_for(box: Installation, tmp_path: Path) -> None:
    (box.state / "web-sessions.json").write_text(TOKEN)
    without = unpacked(box.back_up(tmp_path / "a"), tmp_path / "found")
    for path in without.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert not list(without.rglob("*.key"))
    within = unpacked(box.back_up(tmp_path / "b", "--with-credentials"), tmp_path / "more")
    assert (within / CREDENTIALS / "telegram-token").read_text() == TOKEN
    assert not list(within.rglob("*.key"))


def test_what_is_being_written_is_in_it_as_of_one_moment(box: Installation, tmp_path: Path) -> None:
    with closing(SqliteState.open(box.state)) as state:
        with state.transaction():
            state.mark_handled("telegram:1:2")
        with sqlite3.connect(box.state / "state.db") as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM account")
            found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
            other.rollback()
    with closing(SqliteState.open((found / STATE).parent)) as copy:
        assert len(copy.accounts()) == 1
        assert not copy.waiting()


def test_the_newest_checkpoint_of_a_log_at_rest_is_in_it(box: Installation, tmp_path: Path) -> None:
    found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
    size = verify(found / LOG).size
    with reading(found / LOG) as connection:
        assert connection.execute("SELECT max(size) FROM ckpt").fetchone() == (size,)


def test_a_log_in_use_is_copied(box: Installation, tmp_path: Path) -> None:
    with closing(Writer(box.log, FakeClock(), BOOT)):
        found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
    assert verify(found / LOG).verdict is Verdict.INTACT


def test_a_log_that_others_keep_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator of a log whose file he may not read."""
    with kept(tmp_path) as (log, _):
        more = (
            f'[audit]\nsocket = "{log.path}"\nuser = "{os.getuid()}"\ndirectory = "{log.directory}"'
        )
        box = Installation(tmp_path / "box").furnish(more)
        real = os.access
        monkeypatch.setattr(
            os,
            "access",
            lambda path, mode: real(path, mode) and str(log.directory) not in str(path),
        )
        found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
    told = parse((found / "manifest.json").read_bytes())
    verified = verify(found / LOG)
    assert (verified.verdict, verified.size) == (Verdict.INTACT, told.log_size)
    assert (found / LOG).with_name("audit.pub").read_text().strip() == verified.public_key
