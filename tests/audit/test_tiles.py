from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.checkpoint import parse_note
from appliance.audit.database import DATABASE
from appliance.audit.tiles import tile_path, write_tiles
from appliance.audit.writer import Writer, prepare
from appliance.core.records import leaf_hash
from appliance.errors import ApplianceError, AuditUnavailable
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, BOOT, queued, sample, write
from tests.fakes import FakeClock


def log_of(size: int, directory: Path) -> Path:
    """A log of so many records, the first and the last of which are the writer's own."""
    return write(directory, [[queued(n) for n in range(size - 2)]] if size > 2 else [], FakeClock())


def files(directory: Path) -> dict[str, int]:
    """Path and size of each file below `tile`."""
    tile = directory / "tile"
    return {str(p.relative_to(tile)): p.stat().st_size for p in tile.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "0/000"),
        (7, 256, "0/007"),
        (999, 3, "0/999.p/3"),
        (1000, 256, "0/x001/000"),
        (1234067, 256, "0/x001/x234/067"),
        (1234067, 17, "0/x001/x234/067.p/17"),
    ],
)
def test_tiles_are_named_as_the_specification_says(index: int, width: int, path: str) -> None:
    assert tile_path("0", index, width) == path


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (2, {"0/000.p/2": 2}),
        (255, {"0/000.p/255": 255}),
        (256, {"0/000": 256, "1/000.p/1": 1}),
        (257, {"0/000": 256, "0/001.p/1": 1, "1/000.p/1": 1}),
        (600, {"0/000": 256, "0/001": 256, "0/002.p/88": 88, "1/000.p/2": 2}),
    ],
)
def test_each_size_has_its_tiles(size: int, hashes: dict[str, int], tmp_path: Path) -> None:
    head = write_tiles(log_of(size, tmp_path / "log"), tmp_path / "out")
    assert head.size == size
    found = files(tmp_path / "out")
    tiles = {path: n for path, n in found.items() if not path.startswith("entries")}
    assert tiles == {path: 32 * count for path, count in hashes.items()}
    bundles = {path.replace("entries", "0", 1) for path in found.keys() - tiles.keys()}
    assert bundles == {path for path in hashes if path.startswith("0")}


def test_entries_are_the_records_and_their_tile_holds_the_hashes(tmp_path: Path) -> None:
    database = sample(tmp_path / "log")
    write_tiles(database, tmp_path / "out")
    rest = (tmp_path / "out/tile/entries/000.p/13").read_bytes()
    hashes = (tmp_path / "out/tile/0/000.p/13").read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        for (record,) in connection.execute("SELECT rec FROM leaf ORDER BY seq"):
            length = int.from_bytes(rest[:2], "big")
            assert rest[2 : 2 + length] == record
            assert hashes[:32] == leaf_hash(record)
            rest, hashes = rest[2 + length :], hashes[32:]
    assert not rest + hashes


def test_the_checkpoint_and_those_of_each_change_of_keys_are_there(tmp_path: Path) -> None:
    database = sample(tmp_path / "log")
    head = write_tiles(database, tmp_path / "out")
    assert parse_note((tmp_path / "out/checkpoint").read_text()).checkpoint == head
    assert {p.name for p in (tmp_path / "out/checkpoints").iterdir()} == {"1", "8", "9", "13"}


def test_a_log_in_use_is_exported_up_to_its_last_record(tmp_path: Path) -> None:
    with closing(Writer(tmp_path / "log", FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(queued(1))]])
        assert write_tiles(tmp_path / "log" / DATABASE, tmp_path / "out").size == 2


def test_bundles_with_pruned_records_are_left_out(tmp_path: Path) -> None:
    database = log_of(600, tmp_path / "log")
    with closing(Writer(tmp_path / "log", FakeClock(1_800_001_000_000), BOOT)) as writer:
        writer.prune(300, "retention", ANNA)
    write_tiles(database, tmp_path / "out")
    bundles = {path for path in files(tmp_path / "out") if path.startswith("entries")}
    assert bundles == {"entries/002.p/91"}


def test_nobody_else_can_read_an_export(tmp_path: Path) -> None:
    write_tiles(sample(tmp_path / "log"), tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    database = sample(tmp_path / "log")
    with pytest.raises(ApplianceError, match="not empty"):
        write_tiles(database, tmp_path / "log")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE leaf SET root=NULL, sig=NULL", "the last record is not signed"),
        ("DELETE FROM leaf", "the last record is not signed"),
        ("DELETE FROM leaf WHERE seq=3", "record 3 is missing"),
        ("UPDATE ckpt SET note='' WHERE size=1", "cannot export"),
    ],
)
def test_what_cannot_be_exported_is_one_clear_sentence(
    statement: str, reason: str, tmp_path: Path
) -> None:
    database = sample(tmp_path / "log")
    run(database, statement)
    with pytest.raises(ApplianceError, match=reason):
        write_tiles(database, tmp_path / "out")
    assert not (tmp_path / "out/checkpoint").exists()


def test_no_log_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        write_tiles(tmp_path / DATABASE, tmp_path / "out")
