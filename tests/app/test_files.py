"""Files of the administrator's are changed whole, durably, and keep who may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.app.files import exchange, remove, rewrite, write
from appliance.errors import ConfigError


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_file_of_ours_gets_our_mode_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("old")
    file.chmod(0o666)
    write(file, "new", mode=0o600)
    assert (file.read_text(), _mode(file)) == ("new", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_a_file_that_is_rewritten_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    file.write_text("old")
    file.chmod(0o640)
    if os.getuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    rewrite(file, b"new")
    after = file.stat()
    assert file.read_bytes() == b"new"
    assert (after.st_uid, after.st_gid, after.st_mode) == (
        before.st_uid,
        before.st_gid,
        before.st_mode,
    )


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "list").symlink_to("elsewhere")
    (tmp_path / ".list.new").symlink_to("elsewhere")
    write(tmp_path / "list", "new", mode=0o600)
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert (tmp_path / "list").read_text() == "new"


def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    with pytest.raises(ConfigError, match=r"cannot write .*/list: Is a directory"):
        write(tmp_path / "list", "new", mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["list"]
    with pytest.raises(ConfigError, match=r"cannot write .*/none: No such file"):
        rewrite(tmp_path / "none", "new")


def test_it_is_told_whether_what_was_removed_was_there(tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    assert remove(tmp_path / "list")
    assert not remove(tmp_path / "list")
    with pytest.raises(ConfigError, match="cannot remove"):
        remove(tmp_path)


def test_two_directories_take_each_others_place(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "which").write_text(name)
    exchange(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old/which").read_text() == "new"
    assert (tmp_path / "new/which").read_text() == "old"
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "none", tmp_path / "old")
    assert (tmp_path / "old/which").read_text() == "new"
