"""Build the Debian package for another architecture where that one's libraries are: elsewhere.

What the wheels' libraries are linked with has to be installed to know what the package depends on.
This machine is left alone: a throw-away Debian is made, with our tools and the others' libraries,
and `deb.py` runs in it, on this checkout, with this Python. Needs root and mmdebstrap.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

RELEASE = "bookworm"
"""The oldest that the package is for; this machine has to be of it, too, to lend its Python."""

INSIDE = """
root=$1 architecture=$2 output=$3 program=$4 python=$5
shift 5
mkdir -p "$root/output"
mount --bind "$output" "$root/output"
for place; do
    mkdir -p "$root$place"
    mount --rbind "$place" "$root$place"
done
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \\
    "$python" "$program" "$architecture" /output
"""


def lacking() -> str:
    """Why this machine cannot do that; "" when it can."""
    if os.geteuid() != 0:
        return "you are not root"
    return "" if shutil.which("mmdebstrap") else "there is no mmdebstrap"


def build(
    architecture: str, packages: Iterable[str], program: Path, directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run the program there for the architecture; what it makes is in the directory."""
    with tempfile.TemporaryDirectory(dir=directory) as place:
        root = Path(place, "root")
        made = _make(root, architecture, packages)
        return made if made.returncode else _run(root, architecture, program, directory)


def _make(
    root: Path, architecture: str, packages: Iterable[str]
) -> subprocess.CompletedProcess[str]:
    here = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    options = [f"--architectures={here},{architecture}", f"--include={','.join(packages)}"]
    command = ["mmdebstrap", "--quiet", "--variant=apt", *options, RELEASE, str(root)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _run(
    root: Path, architecture: str, program: Path, directory: Path
) -> subprocess.CompletedProcess[str]:
    """In mounts of its own: when it ends, nothing of this machine is below the root any more."""
    lent = {str(program.parents[1]), "/dev", "/proc"}
    if not sys.base_prefix.startswith("/usr"):
        lent.add(sys.base_prefix)
    command = ["unshare", "--mount", "sh", "-euc", INSIDE, "sh", str(root), architecture]
    command += [str(directory.resolve()), str(program), sys.executable, *sorted(lent)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
