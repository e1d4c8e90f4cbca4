"""Build the Python package: dispatch_appliance-VERSION.tar.gz and .whl, the same bytes each time.

    python packaging/python_package.py [DIRECTORY]

The archive holds what is needed to install from it, by pip or Homebrew, and the sources of what the
other packages are made of; the tests are in the repository. The wheel is made from the same files
with the locked setuptools. Nothing is fetched.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import completions, deb, version
else:
    import completions
    import deb
    import version

NAME = f"dispatch_appliance-{__version__}"
ARCHIVE = f"{NAME}.tar.gz"
WHEEL = f"{NAME}-py3-none-any.whl"

NOT_IN_IT = ("packaging/homebrew/dispatch-appliance.rb",)
"""The formula names the archive's hash, so it cannot be inside."""

_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def main(arguments: list[str]) -> int:
    directory = Path(arguments[0]) if arguments else deb.BUILD
    for path in build(directory.resolve()):
        print(path)
    return 0


def build(directory: Path) -> tuple[Path, Path]:
    """Archive and wheel. Raises deb.BuildFailed."""
    directory.mkdir(parents=True, exist_ok=True)
    archive, wheel = directory / ARCHIVE, directory / WHEEL
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, NAME)
        _lay_out(source)
        _build_wheel(source, directory)
    with tempfile.TemporaryDirectory() as place:  # without what setuptools leaves behind
        source = Path(place, NAME)
        _lay_out(source)
        (source / "PKG-INFO").write_bytes(_metadata(wheel))
        _pack(source, archive)
    return archive, wheel


def _lay_out(source: Path) -> None:
    """The checkout's files, with the same modes whoever checked them out."""
    deb.copy_sources(source)
    for name in NOT_IN_IT:
        (source / name).unlink(missing_ok=True)
    completions.install(source / "completions")
    for pip in (source / "packaging" / "lock").glob("*.whl"):
        pip.unlink()  # who installs from an archive has a pip
    for path in source.rglob("*"):
        if not path.is_symlink():
            is_open = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_open else 0o644)


def _build_wheel(source: Path, directory: Path) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(_epoch())}
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(directory)],
        cwd=source,
        env=environment,
        umask=0o022,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise deb.BuildFailed(f"setuptools made no wheel: {done.stderr.strip()[-600:]}")


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{NAME}.dist-info/METADATA")


def _pack(source: Path, archive: Path) -> None:
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=_epoch()) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in [source, *sorted(source.rglob("*"))]:
            name = str(path.relative_to(source.parent))
            tar.add(path, name, recursive=False, filter=_nobodys)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = _epoch()
    return member


def _epoch() -> int:
    return int(version.moment().timestamp())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
