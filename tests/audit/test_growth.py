"""A proof of growth convinces whoever knows the arithmetic, from whatever size was seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.audit.database import reading
from appliance.audit.growth import Growth, consistency
from appliance.core.merkle import CompactRange, roots_by_consistency
from appliance.errors import AnchorUnavailable
from tests.audit.logs import queued, write
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


async def test_a_log_that_cannot_be_read_proves_nothing(log: Path, tmp_path: Path) -> None:
    with pytest.raises(AnchorUnavailable, match="cannot read the audit log"):
        await Growth(tmp_path / "nothing.db")(1, 2)
    with pytest.raises(AnchorUnavailable, match="are missing"):
        await Growth(log)(10, 5000)
