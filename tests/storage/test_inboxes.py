"""Files of jobs on disk: seen when they are whole, and only to be read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.core.model import JobId
from appliance.errors import StorageUnavailable
from appliance.storage.inboxes import DirectoryInboxes

JOB = JobId(7)


@pytest.fixture
def inboxes(tmp_path: Path) -> DirectoryInboxes:
    return DirectoryInboxes(tmp_path / "inbox")


def write(inboxes: DirectoryInboxes, name: str, content: bytes) -> None:
    with inboxes.writing(JOB, name) as add:
        add(content)


def test_files_are_there_all_at_once(inboxes: DirectoryInboxes) -> None:
    inboxes.begin(JOB)
    write(inboxes, "a.txt", b"one")
    assert not Path(inboxes.path(JOB)).exists()
    inboxes.publish(JOB)
    assert Path(inboxes.path(JOB), "a.txt").read_bytes() == b"one"


def test_nobody_can_change_or_run_them(inboxes: DirectoryInboxes) -> None:
    inboxes.begin(JOB)
    write(inboxes, "run.sh", b"#!/bin/sh\n")
    inboxes.publish(JOB)
    directory = Path(inboxes.path(JOB))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o550
    assert stat.S_IMODE((directory / "run.sh").stat().st_mode) == 0o440


def test_another_try_begins_with_nothing(inboxes: DirectoryInboxes) -> None:
    inboxes.begin(JOB)
    write(inboxes, "a.txt", b"half")
    inboxes.begin(JOB)
    write(inboxes, "b.txt", b"whole")
    inboxes.publish(JOB)
    inboxes.begin(JOB)  # also when it was all there, and the daemon died before the agent started
    inboxes.publish(JOB)
    assert list(Path(inboxes.path(JOB)).iterdir()) == []


def test_what_is_written_again_takes_the_place_of_a_broken_try(inboxes: DirectoryInboxes) -> None:
    inboxes.begin(JOB)
    write(inboxes, "a.txt", b"much longer before")
    write(inboxes, "a.txt", b"now")
    inboxes.publish(JOB)
    assert Path(inboxes.path(JOB), "a.txt").read_bytes() == b"now"


def test_no_link_is_followed(inboxes: DirectoryInboxes, tmp_path: Path) -> None:
    inboxes.begin(JOB)
    (tmp_path / "inbox/.7/a.txt").symlink_to(tmp_path / "stolen")
    with pytest.raises(StorageUnavailable, match="cannot keep files"):
        write(inboxes, "a.txt", b"x")
    assert not (tmp_path / "stolen").exists()


def test_sizes_are_told_and_old_ones_go(inboxes: DirectoryInboxes) -> None:
    assert inboxes.sizes() == {}
    inboxes.begin(JOB)
    write(inboxes, "a.txt", b"12345")
    assert inboxes.sizes() == {JOB: 5}
    inboxes.publish(JOB)
    assert inboxes.sizes() == {JOB: 5}
    inboxes.remove(JOB)
    inboxes.remove(JOB)
    assert inboxes.sizes() == {}
    assert not Path(inboxes.path(JOB)).exists()


def test_a_full_disk_is_told(inboxes: DirectoryInboxes, tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("no directory")
    with pytest.raises(StorageUnavailable, match="cannot keep files"):
        inboxes.begin(JOB)
