"""A proof of growth convinces whoever knows the arithmetic, from whatever size was seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.audit.checkpoint import origin_of, parse_note, parse_public_key
from appliance.audit.database import reading
from appliance.audit.growth import consistency
from appliance.audit.log import AuditLog
from appliance.audit.writer import Writer
from appliance.core.merkle import CompactRange, roots_by_consistency
from appliance.errors import AuditUnavailable
from tests.audit.logs import BOOT, queued, write
from tests.fakes import FakeClock


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several starts, so that there are checkpoints between the records."""
    directory, clock = tmp_path_factory.mktemp("log"), FakeClock()
    for _ in range(4):
        write(directory, [[queued()] * 9], clock)
    return directory / "audit.db"


def roots(log: Path) -> list[bytes]:
    """The root of every size."""
    tree, found = CompactRange(), [CompactRange().root()]
    with reading(log) as connection:
        for (leaf,) in connection.execute("SELECT h FROM leaf ORDER BY seq"):
            tree.append(leaf)
            found.append(tree.root())
    return found


def test_every_two_sizes_are_proved(log: Path) -> None:
    known = roots(log)
    sizes = range(1, len(known))
    assert len(sizes) > 40
    for new in sizes:
        for old in range(1, new + 1):
            proof = consistency(log, old, new)
            found = roots_by_consistency(old, new, known[old], proof)
            assert found == (known[old], known[new]), (old, new)


def test_nothing_before_the_last_kept_checkpoint_is_read(log: Path, tmp_path: Path) -> None:
    known = roots(log)
    copy = tmp_path / "audit.db"
    with sqlite3.connect(log) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        (kept,) = target.execute("SELECT max(size) FROM ckpt WHERE size < 40").fetchone()
        target.execute("DROP TRIGGER leaf_DELETE")
        target.execute("DELETE FROM leaf WHERE seq <= ?", (kept,))
    source.close()
    target.close()
    assert kept > 20
    new = len(known) - 1
    proof = consistency(copy, kept, new)
    assert roots_by_consistency(kept, new, known[kept], proof) == (known[kept], known[new])


async def test_an_open_log_proves_its_growth_and_tells_its_first_key(tmp_path: Path) -> None:
    async with AuditLog(Writer(tmp_path, FakeClock(), BOOT)) as log:
        first = parse_note(await log.checkpoint()).checkpoint
        await log.append(*[queued()] * 20)
        second = parse_note(await log.checkpoint()).checkpoint
        proof = await log.prove_growth(first.size, second.size)
        found = roots_by_consistency(first.size, second.size, first.root, proof)
        assert found == (first.root, second.root)
        with pytest.raises(AuditUnavailable, match="cannot prove its growth"):
            await log.prove_growth(first.size, second.size + 1)
        key = parse_public_key(await log.public_key())
        assert key.name == first.origin == origin_of(key.raw)


def test_a_log_that_cannot_be_read_proves_nothing(log: Path, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        consistency(tmp_path / "nothing.db", 1, 2)
    with pytest.raises(ValueError, match="are missing"):
        consistency(log, 10, 5000)
