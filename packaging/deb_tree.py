"""Lay out what the Debian package holds: called by `packaging/debian/rules`.

    python packaging/deb_tree.py WHEELS DESTINATION

As `install_tree.py` does for one Python and with compiled files, here for every Python that the
package serves and without: they are made where it is installed. The wheels of all Pythons share one
directory, because a compiled module has the Python it is for in its name; what is no such module
must be the same in all of them.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import completions, install_tree
else:
    import completions
    import install_tree

ROOT = Path(__file__).resolve().parents[1]
PROFILE = ROOT / "packaging" / "apparmor" / "dispatch-task"

NOBODYS = frozenset({"node_modules", "test", "tests"})
"""Directories that only those need who work on a library; pycasbin's wheel holds its npm, too."""
SOURCES = frozenset({".c", ".h", ".pxd", ".pxi", ".pyi", ".pyx"})
"""What compiled modules were made from, and what only type checkers read."""
KEPT_OF_METADATA = frozenset({"METADATA", "entry_points.txt"})
"""Versions and plug-ins. Licences are in the package's copyright file."""
NOT_TAKEN = frozenset({"pip", "setuptools"})


class Contradiction(Exception):
    """Two wheels want different contents in one place."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wheels, root = map(Path, arguments)
    try:
        lay_out(wheels, root)
    except Contradiction as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def lay_out(wheels: Path, root: Path) -> None:
    library = root / install_tree.LIBRARY
    for wheel in wheels_in(wheels):
        unpack(wheel, library)
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "appliance", library / "appliance", ignore=caches)
    for name, target in install_tree.scripts().items():
        install_tree.write_program(root / "usr/bin" / name, name, target)
    install_tree.install_units(root)
    install_tree.install_rules(root)
    install_tree.install_pages(root)
    completions.install(root)
    install_tree.copy(PROFILE, root / "usr/share/dispatch-appliance/apparmor" / PROFILE.name)
    shutil.copytree(ROOT / "policies", root / "etc/dispatch/policies")


def wheels_in(directory: Path) -> list[Path]:
    """Those that the package holds."""
    found = sorted(directory.glob("*.whl"))
    return [wheel for wheel in found if wheel.name.partition("-")[0] not in NOT_TAKEN]


def unpack(wheel: Path, library: Path) -> None:
    """What of a wheel is needed to run it. Raises Contradiction."""
    with zipfile.ZipFile(wheel) as archive:
        for name, place in _needed(archive):
            content = archive.read(name)
            file = library / place
            if file.exists() and file.read_bytes() != content:
                raise Contradiction(f"{wheel.name}: another wheel has another {place}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _needed(archive: zipfile.ZipFile) -> Iterator[tuple[str, PurePosixPath]]:
    """Names in the archive, and where they go."""
    for name in archive.namelist():
        place = _place(PurePosixPath(name))
        if place is not None and not name.endswith("/"):
            yield name, place


def _place(path: PurePosixPath) -> PurePosixPath | None:
    top, *below = path.parts
    if top.endswith(".data"):
        return PurePosixPath(*below[1:]) if below[0] in ("purelib", "platlib") else None
    if top.endswith(".dist-info"):
        return path if path.name in KEPT_OF_METADATA and len(below) == 1 else None
    is_for_others = path.suffix in SOURCES or path.name.startswith("_testcapi")
    return None if is_for_others or NOBODYS & set(path.parts[:-1]) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
