"""`dispatchctl backup`: whole, encrypted, private, and made while everything runs."""

from __future__ import annotations

import getpass
import io
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest

from appliance.audit.database import reading
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.backup import bech32
from appliance.backup.age import Passphrase
from appliance.backup.manifest import CREDENTIALS, LOG, STATE, parse
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import RAW, RECIPIENT, TOKEN, Installation
from tests.attacks.audit.intruder import run as intrude
from tests.audit.kept_log import kept
from tests.audit.logs import BOOT
from tests.fakes import FakeClock

rage: Any = pyrage


@pytest.fixture
def box(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "box").furnish()


def unpacked(file: Path, place: Path) -> Path:
    """What others find in it."""
    key = rage.x25519.Identity.from_str(bech32.encode("age-secret-key-", RAW).upper())
    place.mkdir()
    content = rage.decrypt(file.read_bytes(), [key])
    subprocess.run(["tar", "x"], input=content, cwd=place, check=True)
    return place


def test_other_programs_find_everything_in_it(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = unpacked(box.back_up(tmp_path / "backup"), tmp_path / "found")
    manifest = parse((found / "manifest.json").read_bytes())
    assert {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()} == {
        "manifest.json",
        *(entry.name for entry in manifest.entries),
    }
    assert (found / "settings/dispatch.toml").read_text() == box.settings.read_text()
    assert (found / "state/grants.csv").read_text() == "# granted\n"
    assert (found / "policies/commands.toml").exists()
    assert verify(found / LOG).verdict is Verdict.INTACT
    with closing(SqliteState.open((found / STATE).parent)) as state:
        assert len(state.accounts()) == 1
    said = capsys.readouterr().out
    assert f"encrypted to {RECIPIENT}" in said
    assert f"head of the log: {manifest.log_size} {manifest.log_root}" in said


def test_it_is_private_and_is_there_whole_or_not_at_all(box: Installation, tmp_path: Path) -> None:
    file = box.back_up(tmp_path / "backup")
    assert file.stat().st_mode & 0o777 == 0o600
    assert box.ctl("backup", str(file), "--recipient", RECIPIENT) == 78
    (tmp_path / "full").symlink_to("/dev/full")
    assert box.ctl("backup", str(tmp_path / "nowhere" / "x"), "--recipient", RECIPIENT) == 78
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "box", "full"]


def test_no_secret_is_in_it_unless_asked_for(box: Installation, tmp_path: Path) -> None:
    (box.state / "web-sessions.json").write_text(TOKEN)
    without = unpacked(box.back_up(tmp_path / "a"), tmp_path / "found")
    for path in without.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert not list(without.rglob("*.key"))
    within = unpacked(box.back_up(tmp_path / "b", "--with-credentials"), tmp_path / "more")
    assert (within / CREDENTIALS / "telegram-token").read_text() == TOKEN
    assert not list(within.rglob("*.key"))


def test_the_plain_content_is_nowhere_on_the_disk(
    box: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "work"))
    file = box.back_up(tmp_path / "backup")
    assert b"fix the bug" not in file.read_bytes()
    assert not list((tmp_path / "work").iterdir())


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


def test_a_log_that_was_changed_is_backed_up_and_said_so(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intrude(box.log / "audit.db", "UPDATE leaf SET h=zeroblob(32) WHERE seq=3")
    assert box.ctl("backup", str(tmp_path / "backup"), "--recipient", RECIPIENT) == 1
    assert "warning: the log in it is tampered" in capsys.readouterr().err
    assert (tmp_path / "backup").exists()


# --- passphrases


def secret(place: Path, text: str, mode: int = 0o600) -> str:
    place.write_text(text)
    place.chmod(mode)
    return str(place)


def test_a_passphrase_comes_from_a_file_that_nobody_else_reads(
    box: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    words = secret(tmp_path / "words", "correct horse battery\n")
    assert box.ctl("backup", str(file), "--passphrase-file", words) == 0
    assert rage.passphrase.decrypt(file.read_bytes(), "correct horse battery")


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("correct horse battery", 0o640, "others can read"),
        ("correct horse battery", 0o604, "others can read"),
        ("short", 0o600, "less than 10 characters"),
        ("", 0o600, "not one line of text"),
        ("one line\nand another one", 0o600, "not one line of text"),
        ("x" * 20_000, 0o600, "too long"),
    ],
)
def test_another_file_is_refused(
    text: str,
    mode: int,
    why: str,
    box: Installation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = secret(tmp_path / "words", text, mode)
    assert box.ctl("backup", str(tmp_path / "backup"), "--passphrase-file", words) == 78
    assert why in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()


def test_a_pipe_is_no_file(box: Installation, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    asked = ("--passphrase-file", str(tmp_path / "pipe"))
    assert box.ctl("backup", str(tmp_path / "backup"), *asked) == 78


def test_it_is_asked_for_twice_without_echo(
    box: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["correct horse battery", "correct horse", "correct horse battery"] * 2)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    assert box.ctl("backup", str(tmp_path / "backup")) == 78
    assert next(answers)
    assert box.ctl("backup", str(tmp_path / "backup")) == 78  # now the first two differ
    assert "correct" not in repr(Passphrase("correct horse battery"))


def test_without_a_terminal_nothing_is_asked(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert box.ctl("backup", str(tmp_path / "backup")) == 78
    assert "there is no terminal to ask on" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["", "age1", "age1qqqq", "AGE-SECRET-KEY-1QQQQ", RECIPIENT[:-1]])
def test_what_is_no_public_key_is_refused(key: str, box: Installation, tmp_path: Path) -> None:
    assert box.ctl("backup", str(tmp_path / "backup"), "--recipient", key) == 78
