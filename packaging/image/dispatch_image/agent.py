"""`appliance-agent REGISTRY|FILE`: put Claude Code on the state partition.

Its licence lets nobody hand it on (© Anthropic PBC, all rights reserved), so no image may hold it:
each machine fetches it for itself, from an npm registry that its owner names, or takes the package
from a file. What is taken is exactly what the lock of this version names, by its SHA-512.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from appliance.app.cli import run_program
from appliance.errors import ConfigError

LOCK = Path("/usr/share/dispatch-image/claude.lock.json")
PLACE = Path("/var/lib/claude")
SETTINGS = Path("/etc/dispatch/dispatch.toml")
CREDENTIAL = "anthropic-key"
MACHINES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
WAIT_SECONDS = 60
MAX_BYTES = 500 * 2**20
MEMBER = "package/claude"


def main() -> int:
    return run_program("appliance-agent", lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    (source,) = arguments
    if source.startswith("https://"):
        print(install_from(source))
    else:
        with Path(source).open("rb") as package:
            print(install(package, *_wanted()[1:]))
    configure("")
    print("next: dispatchctl agent login claude")
    return 0


def install_from(registry: str) -> Path:
    """Fetch the locked version. Raises ConfigError."""
    name, version, integrity = _wanted()
    address = f"{registry.rstrip('/')}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    if (PLACE / version / "claude").exists():
        return PLACE / "claude"
    try:
        with urllib.request.urlopen(address, timeout=WAIT_SECONDS) as package:
            return install(package, version, integrity)
    except (urllib.error.URLError, TimeoutError) as error:
        raise ConfigError(f"Claude Code cannot be fetched from {address}: {error}") from error


def install(package: IO[bytes], version: str, integrity: str, place: Path = PLACE) -> Path:
    """The program, from the package once that is what the lock names. Raises ConfigError."""
    with tempfile.TemporaryDirectory(dir=place, prefix=".") as unpacked:
        whole = Path(unpacked, "package.tgz")
        _copy_checked(package, whole, integrity)
        program = Path(unpacked, "claude")
        with tarfile.open(whole) as archive, program.open("wb") as target:
            found = next((x for x in archive if x.name == MEMBER and x.isreg()), None)
            content = archive.extractfile(found) if found is not None else None
            if content is None:
                raise ConfigError(f"there is no {MEMBER} in the package")
            shutil.copyfileobj(content, target)
        program.chmod(0o755)
        (place / version).mkdir(mode=0o755, exist_ok=True)
        (place / version).chmod(0o755)
        program.rename(place / version / "claude")
    _point_to(place / version / "claude", place / "claude")
    return place / "claude"


def configure(key: str) -> None:
    """Tell dispatchd that there is an agent, and keep its key. Raises ConfigError."""
    if key:
        command = ["dispatchctl", "credential", "set", CREDENTIAL, "--stdin"]
        done = subprocess.run(command, input=key, capture_output=True, text=True)
        if done.returncode:
            raise ConfigError(f"the agent's key cannot be kept: {done.stderr.strip()}")
    text = SETTINGS.read_text()
    if not re.search(r"(?m)^\s*\[claude\]", text):
        login = f'login = "{CREDENTIAL}"\n' if key else ""
        with SETTINGS.open("a") as settings:
            settings.write(f"\n[claude]\n{login}")


def _wanted() -> tuple[str, str, str]:
    """The package for this machine, its version and its SHA-512 in the lock's words."""
    name = f"@anthropic-ai/claude-code-{MACHINES[platform.machine()]}"
    entry = json.loads(LOCK.read_text())["packages"][f"node_modules/{name}"]
    return name, str(entry["version"]), str(entry["integrity"])


def _copy_checked(package: IO[bytes], target: Path, integrity: str) -> None:
    digest, size = hashlib.sha512(), 0
    with target.open("wb") as file:
        while block := package.read(1 << 20):
            size += len(block)
            if size > MAX_BYTES:
                raise ConfigError("the package is larger than any version of it was")
            digest.update(block)
            file.write(block)
    if f"sha512-{base64.b64encode(digest.digest()).decode()}" != integrity:
        raise ConfigError(
            "that is not the package which this version was tried with", hint="see the lock's hash"
        )


def _point_to(program: Path, link: Path) -> None:
    """Replaced in one step: a task that starts meanwhile finds the one or the other."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(program)
    fresh.rename(link)
