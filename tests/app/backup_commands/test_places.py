"""Where things belong, and as whose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.app.backup_commands.places import acting_for, places_of
from appliance.audit.database import PUBLIC_KEY
from appliance.errors import ConfigError
from tests.app.backup_commands.installation import Installation, gone

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")


@AS_ROOT
def test_what_is_put_in_place_is_its_users(box: Installation, file: Path) -> None:
    gone(box)
    daemon, writer = 12345, 12346
    box.home.chmod(0o711)
    for parent in (*box.home.parents,):
        if parent != Path("/") and parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(0o711)
    (box.home / "etc").mkdir(mode=0o750)
    os.chown(box.home / "etc", 0, daemon)
    box.state.mkdir()
    os.chown(box.state, daemon, daemon)
    box.log.mkdir()
    os.chown(box.log, writer, writer)
    assert box.restore(file) == 0
    owners = {(box.state, daemon), (box.log, writer)}
    for directory, owner in owners:
        for path in directory.iterdir():
            assert path.stat().st_uid == (writer if path == box.log else owner), path
            is_public = path in (box.log, box.log / PUBLIC_KEY)
            assert is_public or path.stat().st_mode & 0o077 == 0, path
    assert box.settings.stat().st_mode & 0o777 == 0o640
    assert box.settings.stat().st_gid == daemon
    rules = box.home / "etc/policies/commands.toml"
    assert (rules.stat().st_mode & 0o777, rules.stat().st_gid) == (0o640, daemon)
    assert os.geteuid() == 0


@AS_ROOT
def test_what_is_done_for_somebody_is_done_with_his_rights(tmp_path: Path) -> None:
    for parent in tmp_path.parents:
        if parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(0o711)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for directory in (theirs, ours):
        directory.mkdir(mode=0o700)
    tmp_path.chmod(0o711)
    (theirs / "link").symlink_to(ours / "file")
    os.chown(theirs, 12345, 12345)
    with acting_for(theirs), pytest.raises(PermissionError):
        (theirs / "link").write_text("led astray")
    with pytest.raises(ZeroDivisionError), acting_for(theirs):
        (theirs / "file").write_text("")
        raise ZeroDivisionError
    assert (theirs / "file").stat().st_uid == 12345
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_directories_are_read_though_projects_are_not_there(tmp_path: Path) -> None:
    text = (
        '[daemon]\nstate = "/srv/state"\n[audit]\nsocket = "/run/a"\n[projects.p]\npath = "/gone"'
    )
    places = places_of(text, tmp_path / "dispatch.toml")
    assert places.state == Path("/srv/state")
    assert places.audit == Path("/srv/state/audit")
    assert places.audit_user == "dispatch-audit"
    assert places.anchor_file is None


@pytest.mark.parametrize(
    "text",
    ["[daemon", "[daemon]\nstate = 1", '[daemon]\nstate = "x"', "daemon = 3", "[audit]\nx = 1"],
)
def test_settings_that_name_no_directories_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        places_of(text, tmp_path / "dispatch.toml")
