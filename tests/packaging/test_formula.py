"""The Homebrew formula: what the lock says, good Ruby, and it installs something that works."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.app import dispatchd
from tests.packaging.programs import PACKAGING, program

formula, python_package, wheels = program("formula"), program("python_package"), program("wheels")

KEPT = PACKAGING / "homebrew/dispatch-appliance.rb"
BREW = Path(__file__).with_name("brew.rb")
LOCKS = "".join((PACKAGING / "lock" / f"{name}.txt").read_text() for name in ("runtime", "build"))
WHERE = "https://example.invalid/releases/download/v1"
HERE = "{}.{}".format(*sys.version_info)
HOMEBREW = "/home/linuxbrew/.linuxbrew"


def need(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        assert os.getenv("CI") != "true", f"CI installs {', '.join(missing)}"
        pytest.skip(f"SKIPPED: there is no {', '.join(missing)} on this machine")


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},  # noqa: TID251
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def described(**environment: str) -> dict[str, Any]:
    """What Homebrew would read in the formula on Linux, or elsewhere."""
    need("ruby")
    found = json.loads(run("ruby", BREW, "describe", KEPT, **environment))
    assert isinstance(found, dict)
    return found


# --- the text


def test_the_one_in_the_tree_is_what_the_lock_gives() -> None:
    assert KEPT.read_text() == formula.text(formula.libraries()), "run make formula"


@pytest.mark.parametrize("mac", ["0", "1"])
def test_every_locked_library_is_fetched_by_the_hash_of_the_lock(mac: str) -> None:
    resources = described(BREW_AS_MAC=mac)["resources"]
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", LOCKS)) - {"pip"}
    assert resources.keys() == locked
    made_here = "sdnotify"  # published as source alone
    not_locked = {name for name, (_, digest) in resources.items() if digest not in LOCKS}
    assert not_locked == {made_here}


def test_a_release_says_where_it_lies_and_what_its_archive_is(tmp_path: Path) -> None:
    archive = tmp_path / python_package.ARCHIVE
    archive.write_bytes(b"an archive")
    found, *fetched = formula.release(archive, WHERE, tmp_path)
    text = found.read_text()
    assert f'homepage "{WHERE.partition("/releases")[0]}"' in text
    assert f'  url "{WHERE}/{archive.name}"\n  sha256 "' in text
    named = set(re.findall(rf'url "{WHERE}/(.+)"', text))
    assert named == {archive.name, *(path.name for path in fetched)}


def test_ruby_and_rubocop_find_nothing() -> None:
    need("ruby", "rubocop")
    assert run("ruby", "-c", KEPT) == "Syntax OK\n"
    run("rubocop", "--cache=false", KEPT)


# --- what it says


def test_it_starts_the_daemon_as_our_own_file_for_launchd_does() -> None:
    service = described()["service"]
    ours = plistlib.loads((PACKAGING / "launchd/dispatch-appliance.user.plist").read_bytes())
    dispatchd.build_parser().parse_args(service["run"][1:])  # exits where it does not
    assert [part.replace(HOMEBREW, "/opt/homebrew") for part in service["run"]] == ours[
        "ProgramArguments"
    ]
    assert service["keep_alive"] == {"successful_exit": ours["KeepAlive"]["SuccessfulExit"]}


@pytest.mark.parametrize("mac", ["0", "1"])
def test_the_first_thing_it_tells_is_the_one_next_command(mac: str) -> None:
    caveats = described(BREW_AS_MAC=mac)["caveats"]
    first = f"Nothing runs yet. Next:\n  dispatchctl setup --config {HOMEBREW}/etc/dispatch/"
    assert caveats.startswith(first)
    assert ("Full Disk Access" in caveats) == (mac == "1")


# --- what Homebrew does with compiled libraries on a Mac


@dataclass(frozen=True, slots=True)
class Library:
    """What matters of a library of macOS to who writes a longer name into it."""

    name: str
    room: int


MH_DYLIB, LC_SEGMENT_64, LC_ID_DYLIB = 6, 0x19, 0xD


def library(content: bytes) -> Library | None:
    """None for what is loaded as a plug-in: it has no name of its own."""
    magic, _, _, kind, commands, size = struct.unpack_from("<6I", content)
    assert magic == 0xFEEDFACF, "64 bits, for one processor"
    if kind != MH_DYLIB:
        return None
    name, here = "", 32
    begins: list[int] = []
    for _ in range(commands):
        command, length = struct.unpack_from("<2I", content, here)
        if command == LC_ID_DYLIB:
            (offset,) = struct.unpack_from("<I", content, here + 8)
            name = content[here + offset : here + length].rstrip(b"\0").decode()
        elif command == LC_SEGMENT_64:
            begins += sections(content, here)
        here += length
    return Library(name, min(begins) - 32 - size)


def sections(content: bytes, here: int) -> Iterator[int]:
    """Where each of a segment begins in the file, if it is there."""
    (count,) = struct.unpack_from("<I", content, here + 64)
    for section in range(here + 72, here + 72 + 80 * count, 80):
        size, begins = struct.unpack_from("<QI", content, section + 40)
        if size and begins:
            yield begins


def test_homebrews_path_has_room_in_every_library_for_macos() -> None:
    place = f"/opt/homebrew/opt/dispatch-appliance/libexec/lib/python{formula.PYTHON}/site-packages"
    seen = set()
    for files in formula.libraries().values():
        with zipfile.ZipFile(files.get("macos", next(iter(files.values())))) as wheel:
            for name in wheel.namelist():
                if "macos" in files and name.endswith((".so", ".dylib")):
                    found = library(wheel.read(name))
                    if found is not None:
                        new = f"{place}/{Path(name).parent}/{Path(found.name).name}"
                        longer = padded(new) - padded(found.name)
                        assert longer <= found.room, f"{name}: {longer} of {found.room} bytes"
                        seen.add(Path(name).parts[0])
    assert seen == {"PIL", "cryptography", "pydantic_core"}


def padded(name: str) -> int:
    return (len(name) + 1 + 7) // 8 * 8


# --- what comes of it


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_it_installs_runs_and_leaves_a_log_that_verifies(tmp_path: Path) -> None:
    need("ruby")
    if HERE not in wheels.PYTHONS or os.uname().machine != "x86_64":
        pytest.skip(f"there are no wheels at hand for Python {HERE} on {os.uname().machine}")
    downloads = tmp_path / "downloads"
    archive, _ = python_package.build(downloads)
    found = formula.libraries(HERE)
    for files in found.values():
        shutil.copy(files.get("linux") or files["all"], downloads)
    ruby = tmp_path / "dispatch-appliance.rb"
    ruby.write_text(formula.text(found, WHERE, archive, HERE))
    python = Path(sys.executable).resolve()
    prefix = tmp_path / "prefix"
    run("ruby", BREW, "install", ruby, prefix, downloads, python)
    kept = {path.name for path in (prefix / "Cellar").rglob("*") if path.is_file()}
    assert {"dispatchctl.1", "_dispatchctl", "rules.csv", "dispatch-appliance.user.plist"} <= kept
    run("ruby", BREW, "test", ruby, prefix)
