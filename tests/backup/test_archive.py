"""Archives: what was packed is unpacked, also by others, and nothing else is."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.backup import archive
from appliance.backup.manifest import STATE, Entry, parse
from appliance.errors import BackupUnusable
from tests.backup.archives import FILES, manifest_of, packed, silent


def unpacked(content: bytes, place: Path) -> dict[str, bytes]:
    stream = io.BytesIO(content)
    manifest = archive.read_manifest(stream)
    archive.unpack(stream, manifest, place, silent)
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    assert unpacked(packed(), tmp_path) == FILES
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")} == {0o600, 0o700}


def test_tar_unpacks_it_too(tmp_path: Path) -> None:
    subprocess.run(["tar", "x"], input=packed(), cwd=tmp_path, check=True)
    assert (tmp_path / STATE).read_bytes() == FILES[STATE]
    assert parse((tmp_path / "manifest.json").read_bytes()) == manifest_of()


def test_what_tar_has_packed_in_the_same_order_is_unpacked(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in {"manifest.json": manifest_of().text(), **FILES}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert unpacked(out.getvalue(), tmp_path) == FILES


def test_progress_is_told_in_bytes() -> None:
    told: list[tuple[int, int]] = []
    sources = [(entry, io.BytesIO(FILES[entry.name])) for entry in manifest_of().entries]
    total = sum(map(len, FILES.values()))
    archive.write(io.BytesIO(), manifest_of(), sources, lambda *done: told.append(done))  # type: ignore[arg-type]
    assert told[-1] == (total, total)


def test_a_file_that_shrinks_meanwhile_makes_no_backup() -> None:
    longer = manifest_of()
    entries = (*longer.entries[:-1], replace(longer.entries[-1], size=100))
    with pytest.raises(BackupUnusable, match="ends too early"):
        packed(FILES, replace(longer, entries=entries))


def test_no_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    huge = manifest_of()
    entries = tuple(Entry(e.name, 1 << 40 if e.name == STATE else e.size) for e in huge.entries)
    with pytest.raises(BackupUnusable, match="MB free"):
        archive.unpack(io.BytesIO(), replace(huge, entries=entries), tmp_path, silent)
    assert not list(tmp_path.iterdir())
