"""Secrets lie in one place each, readable by their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.app.credential_files import forget, is_kept, keep, kept_credentials
from appliance.config import read_credential
from appliance.errors import ConfigError


def test_a_secret_is_a_private_file_where_no_unit_would_decrypt_it(tmp_path: Path) -> None:
    directory = tmp_path / "credentials"
    assert keep(directory, "token", b"s3cret") == "in a file that only its owner reads"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "token").stat().st_mode) == 0o600
    assert read_credential("token", [directory]) == "s3cret"


def test_a_secret_has_one_place(tmp_path: Path) -> None:
    directory, encrypted = tmp_path / "credentials", tmp_path / "credentials.encrypted"
    encrypted.mkdir()
    (encrypted / "token").write_text("old")
    (encrypted / "other").write_text("x")
    keep(directory, "token", b"new")
    assert kept_credentials(directory) == {"other": "encrypted", "token": "plain"}
    assert forget(directory, "other")
    assert forget(directory, "token")
    assert not forget(directory, "token")
    assert kept_credentials(directory) == {}


def test_what_was_loose_is_closed_by_the_next_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    (tmp_path / "token").chmod(0o644)
    keep(tmp_path, "token", b"new")
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_the_same_secret_is_known_again_where_it_is_kept_as_it_should_be(tmp_path: Path) -> None:
    directory = tmp_path / "credentials"
    assert is_kept(directory, "token", b"s3cret") == ""
    how = keep(directory, "token", b"s3cret")
    assert is_kept(directory, "token", b"s3cret") == how
    assert is_kept(directory, "token", b"s3cre") == ""
    assert is_kept(directory, "other", b"s3cret") == ""
    (directory / "token").chmod(0o640)
    assert is_kept(directory, "token", b"s3cret") == ""
    (directory / "token").chmod(0o600)
    (tmp_path / "credentials.encrypted").mkdir()
    (tmp_path / "credentials.encrypted/token").write_text("an older one")
    assert is_kept(directory, "token", b"s3cret") == ""


def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot make"):
        keep(tmp_path / "file/credentials", "token", b"x")
    with pytest.raises(ConfigError, match="cannot read"):
        kept_credentials(tmp_path / "file")
