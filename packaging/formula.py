"""Write the Homebrew formula: packaging/homebrew/dispatch-appliance.rb (`make formula`).

Libraries are wheels, each with its hash: nothing is compiled on the user's machine, and nothing is
fetched that the formula does not name. They lie beside the release that the formula is of, so that
installing asks nobody but us. `make release` puts them there, and writes the formula with that
place (RELEASE_URL) and the hash of our own archive. The one in the tree is as that one but for
these two, which only a release has. Why wheels: packaging/homebrew/README.md.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import deb_tree, python_package, wheels
else:
    import deb_tree
    import python_package
    import wheels

HERE = Path(__file__).parent / "homebrew"
NAME = "dispatch-appliance.rb"
TEMPLATE = HERE / f"{NAME}.in"

NOWHERE = "https://dispatch-appliance.invalid/releases"
PYTHON = wheels.PYTHONS[-1]
SYSTEMS = {"macos": wheels.MACOS, "linux": "amd64"}
"""Homebrew's name of a system, and ours of the wheels for it."""
MACOS = {14: "sonoma", 15: "sequoia", 26: "tahoe"}[wheels.OLDEST_MACOS]

Files = Mapping[str, Path]
"""By system, or one for "all" of them."""


def main(arguments: list[str]) -> int:
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        (HERE / NAME).write_text(text(libraries()))
    except wheels.NotToBeHad as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(HERE / NAME)
    return 0


def release(archive: Path, where: str, directory: Path) -> list[Path]:
    """The formula of a release, and all that it fetches but our archive. Raises NotToBeHad."""
    found = libraries()
    fetched = {wheel for files in found.values() for wheel in files.values()}
    formula = directory / NAME
    formula.write_text(text(found, where, archive))
    return [formula, *(Path(shutil.copy(wheel, directory)) for wheel in sorted(fetched))]


def libraries(python: str = PYTHON) -> Mapping[str, Files]:
    """What is fetched, by name. Raises NotToBeHad."""
    found: dict[str, dict[str, Path]] = {}
    for system, architecture in SYSTEMS.items():
        for wheel in _for_python(python, wheels.locked_wheels(architecture)):
            universal = wheel.name.endswith(wheels.EVERYWHERE)
            found.setdefault(_name(wheel), {})["all" if universal else system] = wheel
    (builder,) = wheels.locked_builder().iterdir()
    found[_name(builder)] = {"all": builder}
    return dict(sorted(found.items()))


def text(
    found: Mapping[str, Files],
    where: str = NOWHERE,
    archive: Path | None = None,
    python: str = PYTHON,
) -> str:
    """The formula; without an archive it says where that would be, but no hash."""
    return Template(TEMPLATE.read_text()).substitute(
        homepage=where.partition("/releases")[0],
        source=_source(where, archive),
        python=python,
        macos=MACOS,
        resources="\n\n".join(_resource(name, files, where) for name, files in found.items()),
    )


def _source(where: str, archive: Path | None) -> str:
    if archive is None:
        return f'url "{where}/{python_package.ARCHIVE}"'
    return "\n  ".join(_place(archive, where))


def _resource(name: str, files: Files, where: str) -> str:
    lines = [f'  resource "{name}" do']
    for system, wheel in files.items():
        place = list(_place(wheel, where))
        if system == "all":
            lines += [f"    {line}" for line in place]
        else:
            lines += [f"    on_{system} do", *(f"      {line}" for line in place), "    end"]
    return "\n".join([*lines, "  end"])


def _place(file: Path, where: str) -> Iterator[str]:
    yield f'url "{where}/{file.name}"'
    yield f'sha256 "{hashlib.sha256(file.read_bytes()).hexdigest()}"'


def _for_python(python: str, directory: Path) -> Iterator[Path]:
    abis = {f"cp{python.replace('.', '')}", "abi3", "none"}
    return (wheel for wheel in deb_tree.wheels_in(directory) if wheel.name.split("-")[3] in abis)


def _name(wheel: Path) -> str:
    return wheel.name.partition("-")[0].lower().replace("_", "-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
