"""A Debian of this host's release in a directory, from the host's own package sources.

Or another system that mmdebstrap knows, from where that is published.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

UNREAD = ("man", "locale", "doc")


def make_root(target: Path, packages: str, *options: str, other: str = "") -> None:
    """`other`: the name of another release. Needs root and mmdebstrap; takes ten seconds and more.

    Raises CalledProcessError.
    """
    sources = (other,) if other else (release(), *_apt_sources())
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={packages}"),
            *(f"--aptopt={line}" for line in _apt_settings()),
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD),
            *(*options, sources[0], str(target), *sources[1:]),
        ],
        stdin=subprocess.DEVNULL,
        check=True,
    )


def release() -> str:
    """ "bookworm" """
    found = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    assert found is not None
    return found[1]


def _apt_sources() -> list[str]:
    """Where this host has the packages of its own release from."""
    places = [*sorted(Path("/etc/apt/sources.list.d").glob("*")), Path("/etc/apt/sources.list")]
    named = re.compile(rf"\b{release()}\b")  # and no release of somebody else's that has it in it
    return [
        str(file)
        for file in places
        if file.suffix in (".list", ".sources")
        and file.is_file()
        and named.search(file.read_text())
    ]


def _apt_settings() -> list[str]:
    """How this host reaches them, such as through a proxy."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    wanted = re.compile(r"Acquire::(https?|Check-|Retries|ForceIP)")
    return [x for x in dump.stdout.splitlines() if wanted.match(x) and not x.endswith('"";')]
