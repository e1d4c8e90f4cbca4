"""A verifier that we did not write: the Go project's packages for its own transparency log."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "go"
PACKAGES = Path("/usr/share/gocode")  # where Debian puts them: golang-golang-x-mod-dev


class Outsider:
    """The program, built from `go/main.go`."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def __call__(self, command: str, *arguments: object) -> str:
        """What it says: "intact", or "tampered: " and why."""
        result = subprocess.run(
            [self._program, command, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == (0 if result.stdout == "intact\n" else 1), result.stderr
        return result.stdout.removesuffix("\n")


def build(directory: Path) -> Outsider:
    """Build it there; skips the test where there is no Go, but never on CI."""
    if shutil.which("go") is None or not (PACKAGES / "src/golang.org/x/mod/sumdb").exists():
        why = "GO'S VERIFIER IS NOT HERE: apt-get install golang-go golang-golang-x-mod-dev"
        if os.getenv("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    environment = {
        "PATH": os.getenv("PATH", ""),
        "HOME": str(directory),
        "GOPATH": str(PACKAGES),
        "GO111MODULE": "off",  # no download, no module file: the packages are Debian's
        "GOCACHE": str(directory / "cache"),
    }
    program = directory / "verify"
    subprocess.run(
        ["go", "build", "-o", program, SOURCE / "main.go"], env=environment, check=True, timeout=110
    )
    return Outsider(program)
