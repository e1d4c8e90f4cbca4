"""Build the Debian package: build/dispatch-appliance_VERSION_ARCHITECTURE.deb (`make deb`).

    python packaging/deb.py [ARCHITECTURE [DIRECTORY]]

For Debian 12, 13 and Ubuntu 24.04, wherever of these it is built, with debhelper and po-debconf
from the system. What goes in comes from this checkout and from the locked wheels, and the time in
it is the changelog's: twice the same gives the same bytes.

For another architecture that one's C libraries are needed, too; when this machine has none, the
package is built in a throw-away Debian that has (foreign_deb.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import foreign_deb, licences, wheels
else:
    import foreign_deb
    import licences
    import wheels

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
SOURCES = (".github", "appliance", "packaging", "policies", "systemd")
FILES = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml")
TOOLS = ("dpkg-buildpackage", "dh", "debconf-updatepo")
PACKAGES = "build-essential debhelper po-debconf"

CROSS_TOOLS = {"amd64": "binutils-x86-64-linux-gnu", "arm64": "binutils-aarch64-linux-gnu"}
LINKED = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g")
"""What the libraries in wheels are linked with; `Depends:` is found out from them."""

WORDS_OF_PEOPLE = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "TZ", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
"""What differs from person to person, and what the make that calls us would hand on."""


class BuildFailed(Exception):
    """There is no package; the message says why and what to do."""


def main(arguments: list[str]) -> int:
    try:
        architecture = arguments[0] if arguments else _here()
        print(build(architecture, Path(arguments[1]) if arguments[1:] else BUILD))
    except (BuildFailed, licences.NoLicence, wheels.NotToBeHad) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(architecture: str, directory: Path = BUILD) -> Path:
    """The package for an architecture. Raises BuildFailed, NotToBeHad or NoLicence."""
    check_tools(architecture)
    if _lacking_for(architecture):
        return _build_elsewhere(architecture, directory)
    place = directory / f"deb-{architecture}"
    shutil.rmtree(place, ignore_errors=True)
    source = place / "source"
    write_source(source, wheels.locked_wheels(architecture))
    _run_debhelper(source, architecture, place / "log")
    (package,) = place.glob("*.deb")
    return package.rename(directory / package.name)


def check_tools(architecture: str) -> None:
    """Raises BuildFailed when this machine cannot build for an architecture."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise BuildFailed(f"there is no {', '.join(missing)}: apt install {PACKAGES}")
    lacking = _lacking_for(architecture)
    why = foreign_deb.lacking() if lacking else ""
    if why:
        raise BuildFailed(
            f"this machine cannot build for {architecture}: it has no {' '.join(lacking)}, and"
            f" cannot make another Debian that has them, because {why}"
        )


def _build_elsewhere(architecture: str, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    wheels.locked_wheels(architecture)  # fetched here, where there is a network
    wanted = [*PACKAGES.split(), "python3", *_wanted_for(architecture)]
    done = foreign_deb.build(architecture, wanted, Path(__file__).resolve(), directory)
    if done.returncode:
        raise BuildFailed(f"in a Debian of its own: {(done.stdout + done.stderr).strip()[-2000:]}")
    return directory / Path(done.stdout.splitlines()[-1]).name


def _lacking_for(architecture: str) -> list[str]:
    if architecture == _here() or architecture not in CROSS_TOOLS:
        return []
    return [name for name in _wanted_for(architecture) if not _is_installed(name)]


def _wanted_for(architecture: str) -> list[str]:
    return [CROSS_TOOLS[architecture], *(f"{library}:{architecture}" for library in LINKED)]


def _is_installed(package: str) -> bool:
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(command, capture_output=True, text=True).stdout == "installed"


def write_source(source: Path, locked: Path) -> None:
    """A directory as Debian's tools want it."""
    copy_sources(source)
    shutil.move(source / "packaging" / "debian", source / "debian")
    (source / "debian" / "copyright").write_text(licences.copyright_file(locked))
    (source / "wheels").symlink_to(locked)


def copy_sources(source: Path) -> None:
    """What a package is made from, without what is made."""
    caches = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=caches)
    for name in FILES:
        shutil.copy(ROOT / name, source)


def _run_debhelper(source: Path, architecture: str, log: Path) -> None:
    command = ["dpkg-buildpackage", "--build=binary", "--no-sign", "--no-pre-clean"]
    command += [f"--host-arch={architecture}"]
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            cwd=source,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BuildFailed(f"dpkg-buildpackage failed; all of it is in {log}\n{last}")


def _environment() -> Mapping[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in WORDS_OF_PEOPLE}
    # the changelog's time, whatever the caller has for its own purposes
    kept.pop("SOURCE_DATE_EPOCH", None)
    return {**kept, "PYTHON": sys.executable, "PYTHONPATH": ".", "LC_ALL": "C.UTF-8"}


def _here() -> str:
    if shutil.which("dpkg") is None:
        raise BuildFailed("a Debian package is built on Debian or Ubuntu")
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
