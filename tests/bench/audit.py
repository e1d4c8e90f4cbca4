"""The audit log's costs on one large log. `python -m tests.bench.audit [RECORDS]` runs it alone."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bench import append, search, verify
from tests.bench.large_log import fill
from tests.bench.table import Row, markdown

RECORDS = 1_000_000


def rows(work: Path, records: int = RECORDS) -> list[Row]:
    """Fill a log below `work`, then verify it, search it, and append to it."""
    began = time.perf_counter()
    path = fill(work / "large", records)
    return [
        Row(f"fill a log of {records} records", "s", [time.perf_counter() - began]),
        *verify.rows(work, path, records),
        *search.rows(path, records),
        *append.rows(work, path, records),
    ]


def main() -> int:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as work:
        print(markdown(rows(Path(work), records)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
