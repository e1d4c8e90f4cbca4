"""A file is added to and never changed, and what cannot be kept is not confirmed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from appliance.audit.sinks.file import FileSink
from appliance.core import anchors
from appliance.errors import AnchorUnavailable
from tests.fakes_anchors import note_of


async def test_notes_are_added_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    for size in (1, 2, 3):
        assert await FileSink(path).post(note_of(size)) == note_of(size)
    assert list(anchors.find(path.read_text())) == [note_of(1), note_of(2), note_of(3)]


async def test_a_note_cut_off_by_a_full_disk_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    path.write_text(f"\n{note_of(1)}"[:150])
    await FileSink(path).post(note_of(2))
    assert list(anchors.find(path.read_text())) == [note_of(2)]


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnchorUnavailable, match="No such file") as caught:
        await FileSink(tmp_path / "missing" / "anchors").post(note_of(1))
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize("kind", ["pipe", "directory"])
async def test_only_an_ordinary_file_is_written(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "anchors"
    if kind == "pipe":
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    else:
        path.mkdir()
    async with asyncio.timeout(5):
        with pytest.raises(AnchorUnavailable):
            await FileSink(path).post(note_of(1))
    if kind == "pipe":
        os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_device_is_refused_too() -> None:
    with pytest.raises(AnchorUnavailable, match="no ordinary file"):
        await FileSink(Path("/dev/full")).post(note_of(1))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked")
async def test_a_file_that_can_be_rewritten_is_remarked_on(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "anchors")
    assert "chattr +a" in sink.remark()
    await sink.post(note_of(1))
    assert "chattr +a" in sink.remark()
