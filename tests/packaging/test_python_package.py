"""The Python package: the same bytes each time, and complete enough to install from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from appliance import __version__
from tests.packaging.programs import PACKAGING

NAME = f"dispatch_appliance-{__version__}"


def built(directory: Path, **elsewhere: str) -> list[Path]:
    subprocess.run(
        [sys.executable, str(PACKAGING / "python_package.py"), str(directory)],
        env={**os.environ, **elsewhere},  # noqa: TID251
        umask=0o077 if elsewhere else 0o022,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return sorted(directory.iterdir())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.suffix: path for path in built(tmp_path_factory.mktemp("python"))}


def test_it_is_the_same_bytes_wherever_and_whenever_it_is_built(
    package: dict[str, Path], tmp_path: Path
) -> None:
    again = built(tmp_path, TZ="Pacific/Kiritimati", LC_ALL="C", SOURCE_DATE_EPOCH="1")
    assert [path.name for path in again] == [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"]
    for path in again:
        first = package[path.suffix].read_bytes()
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(first).digest()


def test_the_archive_holds_what_the_other_packages_are_made_of(package: dict[str, Path]) -> None:
    with tarfile.open(package[".gz"]) as archive:
        members = {member.name.removeprefix(f"{NAME}/"): member for member in archive}
    assert members.keys() >= {
        *("PKG-INFO", "pyproject.toml", "LICENSE", "appliance/__init__.py", "policies/rules.csv"),
        *("packaging/lock/runtime.txt", "packaging/man/dispatchctl.1", "systemd/dispatchd.service"),
    }
    assert not {name for name in members if name.endswith((".pyc", ".whl", ".egg-info"))}
    assert {(member.uid, member.mode & 0o022) for member in members.values()} == {(0, 0)}


def test_the_wheel_holds_the_programs_and_what_they_show(package: dict[str, Path]) -> None:
    with zipfile.ZipFile(package[".whl"]) as wheel:
        names = set(wheel.namelist())
        entries = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert {"appliance/chat/page/index.html", "appliance/audit/report/style.css"} <= names
    assert "dispatchd = appliance.app.dispatchd:main" in entries
    assert {name.partition("/")[0] for name in names} == {"appliance", f"{NAME}.dist-info"}
