"""Make `.venv` ready: the locked packages, hashes checked, and this project's own programs.

    python3 packaging/bootstrap.py runtime [dev] [bench]

Needs Python 3.11 or newer and nothing else: neither pip nor ensurepip (Debian packs them apart),
nor root. The pip it uses is the locked one and lies beside the lock, so that every machine
installs the same way. Packages come from wherever pip is configured to look.

`.venv/stamp.json`, written last, names what was installed. When it matches, nothing is done; when
it is missing (cut off midway) or tells of other locks, the environment is made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "stamp.json"
LOCKS = ROOT / "packaging" / "lock"
LOG = ROOT / ".cache" / "bootstrap.log"
FIRST_GROUP = "build"  # what source packages are built with; all others need it
SECONDS_BETWEEN_PROGRESS_LINES = 2.0

# A shell line first: the path of an interpreter in "#!" must be short and without blanks.
PROGRAM = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {function}
sys.exit({function}())
"""


class SetupFailed(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main(groups: list[str]) -> int:
    try:
        prepare((FIRST_GROUP, *groups))
    except SetupFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was cut off; the next run starts it again.", file=sys.stderr)
        return 130
    return 0


def prepare(groups: tuple[str, ...]) -> None:
    """Bring `.venv` to what the locks say. Raises SetupFailed in one sentence."""
    wanted = wanted_stamp(groups)
    if is_complete(read_stamp(), wanted):
        return
    with only_one_at_a_time():
        installed = read_stamp()
        if installed is None or not may_stay(installed, wanted):
            create_environment()
            installed = replace(wanted, locks={})
        for group in groups:
            if group not in installed.locks:
                install(group)
        write_programs()
        write_stamp(replace(wanted, locks=installed.locks | wanted.locks))


# --- the stamp


@dataclass(frozen=True, slots=True)
class Stamp:
    """What `.venv` holds. Its place counts, because the programs in it hold their full path."""

    python: str
    place: str
    project: str
    locks: dict[str, str]


def wanted_stamp(groups: tuple[str, ...]) -> Stamp:
    locks = {group: digest(lock_of(group)) for group in groups}
    return Stamp(python_version(), str(ENVIRONMENT), digest(ROOT / "pyproject.toml"), locks)


def lock_of(group: str) -> Path:
    return LOCKS / f"{group}.txt"


def digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SetupFailed(f"cannot read {path}: {error.strerror}") from error


def python_version() -> str:
    return "{}.{}".format(*sys.version_info)


def read_stamp() -> Stamp | None:
    try:
        return Stamp(**json.loads(STAMP.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(stamp: Stamp) -> None:
    unfinished = STAMP.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(stamp), indent=1))
    unfinished.replace(STAMP)


def may_stay(installed: Stamp, wanted: Stamp) -> bool:
    """Same Python, same place, and every installed lock, wanted or not, is still the same."""
    same = (installed.python, installed.place) == (wanted.python, wanted.place)
    return same and all(
        lock_of(group).is_file() and digest(lock_of(group)) == installed_digest
        for group, installed_digest in installed.locks.items()
    )


def is_complete(installed: Stamp | None, wanted: Stamp) -> bool:
    return (
        installed is not None
        and may_stay(installed, wanted)
        and installed.project == wanted.project
        and wanted.locks.keys() <= installed.locks.keys()
    )


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Two `make` at once must not build one folder; the kernel lets go of a dead one's lock."""
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "bootstrap.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of this folder to finish …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- the environment


def create_environment() -> None:
    say(f"Setting up .venv with Python {python_version()} (once) …")
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=False).create(ENVIRONMENT)
        with zipfile.ZipFile(pip_wheel()) as wheel:
            wheel.extractall(site_packages())
        (site_packages() / "dispatch_appliance.pth").write_text(f"{ROOT}\n")
    except OSError as error:
        raise SetupFailed(f"cannot write {ENVIRONMENT}: {error.strerror or error}") from error


def pip_wheel() -> Path:
    wheels = sorted(LOCKS.glob("pip-*.whl"))
    if len(wheels) != 1:
        raise SetupFailed(f"{LOCKS} must hold exactly one wheel of pip; check out the folder again")
    return wheels[0]


def site_packages() -> Path:
    base = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
    return Path(sysconfig.get_path("purelib", scheme="venv", vars=base))


def install(group: str) -> None:
    """Install one lock. `--no-deps` and no build isolation: nothing but what the lock names."""
    say(f"Installing the {group} packages …")
    exact = ["--require-hashes", "--no-deps", "--no-build-isolation"]
    manner = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
    pip = [f"{ENVIRONMENT}/bin/python", "-I", "-m", "pip"]
    output = run([*pip, "install", *exact, *manner, f"--requirement={lock_of(group)}"])
    if output is not None:
        raise SetupFailed(
            f"the {group} packages could not be installed: {reason(output)}\n"
            f"hint: check the network and pip's own settings (pip.conf, PIP_INDEX_URL), then run "
            f"the same command again; pip's full words are in {LOG.relative_to(ROOT)}"
        )


def run(command: list[str]) -> str | None:
    """None on success, what it printed otherwise. Shows a line now and then while it takes long."""
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    lines: list[str] = []
    shown_at = time.monotonic()
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        for line in process.stdout or ():
            lines.append(line)
            log.write(line)
            if time.monotonic() - shown_at > SECONDS_BETWEEN_PROGRESS_LINES:
                say(f"  {line.strip()[:96]}")
                shown_at = time.monotonic()
    return "".join(lines) if process.returncode else None


def reason(output: str) -> str:
    """The sentence of pip's output that a person needs."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if any("NewConnectionError" in line or "NameResolutionError" in line for line in lines):
        return "the package index cannot be reached"
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip said nothing"])[-1]


def write_programs() -> None:
    """The programs of `[project.scripts]`, run from this folder: what is edited is what runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, target in project["scripts"].items():
        module, function = target.split(":")
        program = ENVIRONMENT / "bin" / name
        python = ENVIRONMENT / "bin" / "python"
        program.write_text(PROGRAM.format(python=python, module=module, function=function))
        program.chmod(0o755)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
