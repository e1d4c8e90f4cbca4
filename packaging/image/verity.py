"""A directory as a read-only file system (EROFS, compressed) and the tree of its hashes.

Salt and ids are constants, and the time is the version's: the same files give the same root hash.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging.image.root_tree import BuildFailed, epoch, run
else:
    from root_tree import BuildFailed, epoch, run

BLOCK = 4096
SALT = "00" * 32
FILE_SYSTEM_ID = "b9b3e1f0-6f56-4c3e-8d4f-5d1f0c5a7e01"
HASHES_ID = "b9b3e1f0-6f56-4c3e-8d4f-5d1f0c5a7e02"


@dataclass(frozen=True, slots=True)
class Verified:
    """Two files for two partitions, and the hash that stands for every byte of the first."""

    root: Path
    hashes: Path
    root_hash: str


def seal(tree: Path, work: Path) -> Verified:
    """Raises BuildFailed."""
    root, hashes = work / "root.erofs", work / "root.verity"
    for file in (root, hashes):
        file.unlink(missing_ok=True)
    options = ["-zlz4hc", f"-T{epoch()}", f"-U{FILE_SYSTEM_ID}", "--quiet"]
    run(["mkfs.erofs", *options, str(root), str(tree)])
    os.truncate(root, -(-root.stat().st_size // BLOCK) * BLOCK)
    said = run(
        ["veritysetup", "format", f"--uuid={HASHES_ID}", f"--salt={SALT}", str(root), str(hashes)]
    )
    for line in said.splitlines():
        if line.startswith("Root hash:"):
            return Verified(root, hashes, line.split()[-1])
    raise BuildFailed("veritysetup names no root hash")
