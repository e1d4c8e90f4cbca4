"""What `make test-image` and `make test-releases` measured last, and the sizes of built packages.

Making a system takes root and a network, and starting one, emulated, minutes, so `make bench` does
not do it again: it shows what lies in `build/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.table import MEBIBYTE, Row, Target

MEASURED = "systems.json"
TARGETS: Mapping[str, Target] = {"image: size, compressed": Target(350)}


def record(directory: Path, name: str, unit: str, ours: float, theirs: float | None = None) -> None:
    """Keep a measurement; `theirs` is that of a bare Debian in the same run."""
    directory.mkdir(exist_ok=True)
    file = directory / MEASURED
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    known[name] = {"unit": unit, "ours": [ours], "theirs": [] if theirs is None else [theirs]}
    file.write_text(json.dumps(known, indent=1))


def rows(directory: Path) -> Iterator[Row]:
    """What there is; nothing where nothing was built."""
    for package in sorted(directory.glob("dispatch-appliance_*_*.deb")):
        size = package.stat().st_size / MEBIBYTE
        yield Row(f"package size: {package.stem.rpartition('_')[2]}", "MiB", [size])
    file = directory / MEASURED
    for name, found in json.loads(file.read_text()).items() if file.exists() else ():
        yield Row(name, found["unit"], found["ours"], found["theirs"], TARGETS.get(name))
