"""Where a machine looks for what it is told, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigError
from tests.packaging.image.modules import module

first_boot = module("dispatch_image.first_boot")
stick = module("dispatch_image.stick")


def test_told_nothing_it_finds_nothing(tmp_path: Path) -> None:
    assert first_boot.find(tmp_path, None) is None
    assert first_boot.find(tmp_path, tmp_path) is None


def test_a_credential_counts_before_a_stick(tmp_path: Path) -> None:
    (tmp_path / stick.FILE).write_text("[users.stick]\n")
    (tmp_path / "dispatch.setup").write_text("[users.credential]\n")
    (tmp_path / "dispatch.telegram-token").write_text("1:abc\n")
    told = first_boot.find(tmp_path, tmp_path)
    assert (told.content, told.token, told.file) == ("[users.credential]\n", "1:abc", None)


def test_a_token_by_credential_goes_with_the_rest_on_a_stick(tmp_path: Path) -> None:
    credentials, place = tmp_path / "credentials", tmp_path / "stick"
    credentials.mkdir()
    place.mkdir()
    (credentials / "dispatch.telegram-token").write_text("1:abc")
    (place / stick.FILE).write_text("[users.stick]\n")
    told = first_boot.find(credentials, place)
    assert (told.content, told.token, told.file) == ("[users.stick]\n", "1:abc", place / stick.FILE)


def test_what_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / stick.FILE).write_text("#" * 70_000)
    with pytest.raises(ConfigError, match="more than 65536 bytes"):
        first_boot.find(tmp_path, tmp_path)


def test_a_taken_file_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    file, other = tmp_path / stick.FILE, tmp_path / "same"
    file.write_text('token = "1:abc"\n')
    other.hardlink_to(file)  # the blocks, under a name that stays
    stick.erase(file)
    assert not file.exists()
    assert other.read_bytes() == bytes(16)
    assert "erased" in (tmp_path / stick.NOTE).read_text()


def test_a_stick_that_cannot_be_erased_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the token is still on the stick"):
        stick.erase(tmp_path / stick.FILE)
