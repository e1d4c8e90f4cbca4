"""`dispatchctl credential`: a secret comes from a person or a file, and is never shown."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.app import credential_commands
from tests.app.groups import run_group

SECRET = "123456:s3cret"


def run(*arguments: str) -> int:
    return run_group(credential_commands, ["credential", *arguments])


def test_a_secret_from_a_file_is_kept_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = f"--directory={tmp_path}/credentials"
    (tmp_path / "given").write_text(f"{SECRET}\n")
    assert run("set", "telegram-token", f"--file={tmp_path}/given", directory) == 0
    assert (tmp_path / "credentials/telegram-token").read_text() == SECRET
    assert "systemctl restart dispatchd" in capsys.readouterr().out
    assert run("list", "--json", directory) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed == {"v": 1, "credentials": [{"name": "telegram-token", "kept": "plain"}]}
    assert run("list", directory) == 0
    assert capsys.readouterr().out.split() == ["telegram-token", "plain"]
    assert run("remove", "telegram-token", directory) == 0
    assert run("remove", "telegram-token", directory) == 78
    assert run("list", directory) == 0
    said = "".join(capsys.readouterr())
    assert "no credentials yet" in said
    assert SECRET not in said


def test_a_secret_comes_by_the_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{SECRET}\n".encode())))
    assert run("set", "token", "--stdin", f"--directory={tmp_path}") == 0
    assert (tmp_path / "token").read_text() == SECRET


def test_a_secret_that_is_kept_already_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "credentials"
    given = tmp_path / "given"
    words = ("set", "token", f"--file={given}", f"--directory={directory}")

    def answer(*options: str) -> dict[str, object]:
        assert run(*words, "--json", *options) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    given.write_text(f"{SECRET}\n")
    assert answer("--dry-run") == {"v": 1, "name": "token", "changed": True, "kept": ""}
    assert not directory.exists()
    assert answer()["changed"]
    before = (directory / "token").stat().st_ino
    assert not answer()["changed"]
    assert not answer("--dry-run")["changed"]
    assert run(*words) == 0
    assert "nothing to change, it is kept in a file that only its owner" in capsys.readouterr().out
    assert (directory / "token").stat().st_ino == before
    given.write_text("another\n")
    assert run(*words, "--dry-run") == 0
    assert capsys.readouterr().out == "token: would be kept\n"
    assert (directory / "token").read_text() == SECRET
    assert answer()["changed"]
    assert (directory / "token").read_text() == "another"


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb\n", b"\xff", b"x" * 20_000, b"a\x1bb"])
def test_what_read_credential_would_refuse_is_not_kept(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "given").write_bytes(content)
    assert run("set", "token", f"--file={tmp_path}/given", f"--directory={tmp_path}/c") == 78
    assert "the secret is" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", ["", "../token", "a b", ".hidden", "x" * 65])
def test_a_name_that_is_no_name_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("set", name, "--stdin", f"--directory={tmp_path}") == 78
    assert "is no name of a credential" in capsys.readouterr().err


def test_without_a_terminal_it_says_how_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x")))
    assert run("set", "token", f"--directory={tmp_path}") == 78
    assert "use --stdin or --file" in capsys.readouterr().err
    assert run("set", "token", f"--file={tmp_path}/none") == 78
    assert "cannot read" in capsys.readouterr().err


def test_what_is_typed_is_not_shown(tmp_path: Path) -> None:
    """In a terminal of its own, because getpass asks there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "appliance.app.dispatchctl", "credential", "set", "token"]
    process = subprocess.Popen(
        [*command, f"--directory={tmp_path}"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"is not shown" not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, f"{SECRET}\n".encode())
    while b"kept" not in shown:
        shown += os.read(ours, 1000)
    assert process.wait(10) == 0
    os.close(ours)
    assert SECRET.encode() not in shown
    assert (tmp_path / "token").read_text() == SECRET
