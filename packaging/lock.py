"""Write the lock: `packaging/lock/*.txt`, and the wheel of pip that the set-up starts with.

    make lock               keep what is locked, add and drop what pyproject.toml asks for
    make lock UPGRADE=1     newest versions that pyproject.toml allows

For Python 3.11 on, Linux and macOS. uv resolves, because pip cannot resolve for other machines.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "packaging" / "lock"
PROJECT = ROOT / "pyproject.toml"
UV_HOME = ROOT / ".cache" / "uv"
UV = UV_HOME / "bin" / "uv"


def main(options: list[str]) -> int:
    install_uv()
    requires = tomllib.loads(PROJECT.read_text())["build-system"]["requires"]
    lock("build", ["-", *options], stdin="\n".join(requires))
    lock("runtime", [str(PROJECT), *options])
    lock("dev", ["--group=dev", same_as("runtime"), *options])
    lock("bench", ["--group=bench", same_as("runtime"), same_as("dev"), *options])
    lock("ansible", ["--group=ansible", same_as("runtime"), same_as("dev"), *options])
    fetch_pip()
    return 0


def install_uv() -> None:
    if not UV.exists():
        python = f"{UV_HOME}/bin/python"
        run([sys.executable, "-m", "venv", "--without-pip", str(UV_HOME)])
        run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "uv"])


def same_as(group: str) -> str:
    return f"--constraint={LOCKS / group}.txt"


def lock(group: str, what: list[str], *, stdin: str = "") -> None:
    machines = ["--universal", "--python-version=3.11", "--generate-hashes"]
    output = ["--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
    target = f"--output-file={LOCKS / group}.txt"
    run([str(UV), "pip", "compile", *what, *machines, *output, target], stdin)


def fetch_pip() -> None:
    """The wheel that the lock names, so that a machine without pip installs with the same one."""
    pinned = re.search(r"^pip==(\S+)", (LOCKS / "runtime.txt").read_text(), re.MULTILINE)
    assert pinned, "sqlite-utils brings pip; without it, pip needs a lock of its own"
    wanted = LOCKS / f"pip-{pinned[1]}-py3-none-any.whl"
    for wheel in LOCKS.glob("pip-*.whl"):
        if wheel != wanted:
            wheel.unlink()
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
    run([*download, f"--dest={LOCKS}", f"pip=={pinned[1]}"])


def run(command: list[str], stdin: str = "") -> None:
    subprocess.run(command, check=True, cwd=ROOT, input=stdin, text=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
