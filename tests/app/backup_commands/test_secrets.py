"""Passphrases and keys: asked for without echo, or from files that nobody else reads."""

from __future__ import annotations

import getpass
import io
import os
import sys
from pathlib import Path
from typing import Any

import pyrage
import pytest

from appliance.backup.age import Passphrase
from tests.app.backup_commands.installation import RECIPIENT, Installation

rage: Any = pyrage


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


def test_a_private_key_that_others_can_read_is_refused(box: Installation, file: Path) -> None:
    key = file.with_name("key")
    key.write_text("AGE-SECRET-KEY-1")
    key.chmod(0o644)
    assert box.restore(file) == 78
