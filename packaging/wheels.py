"""The locked dependencies as wheels for every Python that the Debian package serves.

    python packaging/wheels.py ARCHITECTURE    print where they are; fetch what is missing

ARCHITECTURE is Debian's name of it, or macos-arm64 for Homebrew on a Mac.

Kept in `.cache/wheels`, by lock and architecture: with a full cache no network is needed. Each file
has a hash of the lock. The one package that its authors publish as source alone is made a wheel
with the locked setuptools, and only if that fits every machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock" / "runtime.txt"
BUILD_LOCK = ROOT / "packaging" / "lock" / "build.txt"
CACHE = ROOT / ".cache" / "wheels"

PYTHONS = ("3.11", "3.12", "3.13")
"""Those of Debian 12, Ubuntu 24.04 and Debian 13; `Depends:` says so, too."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
NEWEST_GLIBC = 36
"""2.36 is Debian 12's: no wheel may need a newer one."""
MACOS = "macos-arm64"
OLDEST_MACOS = 14
"""Homebrew's, for its one Python. Macs of Intel's are left out: libraries begin to do that."""

PIP = (sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--quiet")
EVERYWHERE = "-none-any.whl"


class NotToBeHad(Exception):
    """There is no such wheel; the message says which and why."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(locked_wheels(arguments[0]))
    except NotToBeHad as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    return 0


def locked_wheels(architecture: str) -> Path:
    """A directory with the wheels of all Pythons, hashes checked. Raises NotToBeHad."""
    if architecture != MACOS and architecture not in MACHINES:
        raise NotToBeHad(f"no wheels are known for {architecture}, only for {', '.join(MACHINES)}")
    if architecture == MACOS:
        return _kept(MACOS, f"{LOCK.read_text()} {PYTHONS} {OLDEST_MACOS}", _fetch_for_macos)
    wanted = f"{LOCK.read_text()} {PYTHONS} {NEWEST_GLIBC}"
    platforms = _platforms(MACHINES[architecture])
    return _kept(f"debian-{architecture}", wanted, lambda place: _fetch(place, PYTHONS, platforms))


def locked_builder() -> Path:
    """A directory with the wheel that makes our own package: setuptools. Raises NotToBeHad."""
    return _kept("build", BUILD_LOCK.read_text(), lambda place: _download(BUILD_LOCK, place, []))


def _kept(name: str, wanted: str, fetch: Callable[[Path], None]) -> Path:
    """A directory of the cache, whole or not there."""
    place = CACHE / f"{name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    if not place.exists():
        unfinished = place.with_suffix(f".{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        fetch(unfinished)
        try:
            unfinished.rename(place)
        except OSError:  # somebody else was faster
            shutil.rmtree(unfinished)
    return place


def _fetch_for_macos(directory: Path) -> None:
    versions = [*(f"{major}_0" for major in range(OLDEST_MACOS, 10, -1)), "10_13", "10_9"]
    names = [f"macosx_{each}_{kind}" for each in versions for kind in ("arm64", "universal2")]
    _fetch(directory, PYTHONS[-1:], names)


def _fetch(directory: Path, pythons: Iterable[str], platforms: Iterable[str]) -> None:
    for python in pythons:
        _download(LOCK, directory, _target(python, platforms))
    _build_sources(directory)


def _target(python: str, platforms: Iterable[str]) -> list[str]:
    tag = f"cp{python.replace('.', '')}"
    options = [f"--python-version={python}", "--implementation=cp"]
    options += [f"--abi={abi}" for abi in (tag, "abi3", "none")]
    return options + [f"--platform={platform}" for platform in platforms]


def _download(lock: Path, directory: Path, target: list[str]) -> None:
    exactly = ["--require-hashes", "--no-deps", "--no-build-isolation", "--no-input"]
    _run([*PIP, "download", *exactly, *target, f"--requirement={lock}", f"--dest={directory}"])


def _platforms(machine: str) -> list[str]:
    """What the oldest of our systems takes, newest first (PEP 600 and its forerunners)."""
    by_glibc = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, 4, -1)]
    return [*by_glibc, *(f"manylinux{name}_{machine}" for name in ("2014", "2010", "1"))]


def _build_sources(directory: Path) -> None:
    exactly = ["--no-deps", "--no-index", "--no-build-isolation", f"--wheel-dir={directory}"]
    for source in sorted(directory.glob("*.tar.gz")):
        before = set(directory.glob("*.whl"))
        _run([*PIP, "wheel", *exactly, str(source)])
        (built,) = set(directory.glob("*.whl")) - before
        if not built.name.endswith(EVERYWHERE):
            raise NotToBeHad(f"{source.name} has to be compiled: it is published as source only")
        source.unlink()


def _run(command: list[str]) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}  # zip's first day
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        errors = [x for x in done.stderr.splitlines() if x.startswith("ERROR: ")]
        said = "; ".join(x.removeprefix("ERROR: ") for x in errors) or done.stderr.strip()
        raise NotToBeHad(f"the locked packages are not to be had: {said[-600:]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
