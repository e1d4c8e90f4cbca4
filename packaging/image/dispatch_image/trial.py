"""`trial begin|end`: a new version has to show that it works; the state waits as it was.

Migrations of the state go forward only, so a version that comes back after a failed update could
not read what the newer one left. `begin` runs before dispatchd: on the first start of another
version it keeps a copy of the state, and when the version before is back it puts that copy in its
place. Nothing is lost by that: dispatchd had not become ready, so it had taken nothing in. The
audit log is never put back.

`end` runs when everything was started: it waits until dispatchd answers, and only then may
systemd mark the version as good. Where the version is on trial and fails, the machine starts again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app.cli import run_program
from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.control_commands import connect
from appliance.app.files import write
from appliance.errors import ApplianceError, ChatUnavailable

if TYPE_CHECKING:  # how a type checker finds what lies beside this module
    from packaging.image.dispatch_image.places import HOME, SET_UP
else:
    from dispatch_image.places import HOME, SET_UP

RELEASE = Path("/usr/lib/os-release")
STATE = Path("/var/lib/dispatch")
BLESS = "/lib/systemd/systemd-bless-boot"
READY_SECONDS = 180.0
PAUSE_SECONDS = 0.5


def main() -> int:
    return run_program("trial", lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    match arguments:
        case ["begin"]:
            print(begin(running_version()))
            return 0
        case ["end"]:
            return _end()
        case _:
            print(__doc__, file=sys.stderr)
            return 64


def running_version() -> str:
    found = re.search(r'(?m)^IMAGE_VERSION="?([^"\n]+)"?$', RELEASE.read_text())
    return found[1] if found else "0"


# --- before dispatchd


def begin(version: str, home: Path = HOME, state: Path = STATE) -> str:
    """What was found, and done about it."""
    before = _read(home / "version")
    if before == version:
        return f"version {version}, as before"
    kept = home / "kept"
    if _read(kept / "of") == version:
        said = _put_back(kept, state)
        _write(home / "failed", before)
    else:
        said = _keep(kept, state, before)
    (home / "waiting").unlink(missing_ok=True)
    _write(home / "version", version)
    return said


def _keep(kept: Path, state: Path, version: str) -> str:
    shutil.rmtree(kept, ignore_errors=True)
    if not version or not state.exists():
        return "the first version on this machine"
    unfinished = kept.with_name("kept.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _copy(state, unfinished / "state")
    _write(unfinished / "of", version)
    unfinished.rename(kept)
    return f"the state is kept as version {version} left it"


def _put_back(kept: Path, state: Path) -> str:
    """In an order that can be cut off anywhere and done again."""
    fresh = state.with_name(f"{state.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    _copy(kept / "state", fresh)
    shutil.rmtree(state, ignore_errors=True)
    fresh.rename(state)
    return "the newer version did not work: its state was put back to what it was before"


def _copy(source: Path, target: Path) -> None:
    """With owners, which shutil would not keep."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--", str(source), str(target)], check=True)
    os.sync()


# --- afterwards


def _end() -> int:
    if SET_UP.exists() and not _gets_ready():
        print("dispatchd does not get ready", file=sys.stderr)
        if _is_on_trial():
            subprocess.run(["systemctl", "reboot"], check=True)
        return 1
    shutil.rmtree(HOME / "kept", ignore_errors=True)
    return 0


def _gets_ready() -> bool:
    given_up_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < given_up_at:
        try:
            with connect(DEFAULT_FILE) as client:
                client.ask("status")
            return True
        except ChatUnavailable:
            if _has_given_up():
                return False
            time.sleep(PAUSE_SECONDS)
        except ApplianceError as error:
            print(error.message, file=sys.stderr)
            return False
    return False


def _has_given_up() -> bool:
    """systemd does not start it again."""
    return (
        subprocess.run(["systemctl", "--quiet", "is-failed", "dispatchd.service"]).returncode == 0
    )


def _is_on_trial() -> bool:
    """systemd-boot counts this start, and nobody has said yet how it was."""
    done = subprocess.run([BLESS, "status"], capture_output=True, text=True)
    return done.stdout.strip() == "indeterminate"


# --- what others ask


def await_start_of(version: str, home: Path = HOME) -> None:
    _write(home / "waiting", version)


def waiting_version(home: Path = HOME) -> str:
    """The one that is written and was not started yet, "" when there is none."""
    return _read(home / "waiting")


def has_failed(version: str, home: Path = HOME) -> bool:
    return _read(home / "failed") == version


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def _write(file: Path, text: str) -> None:
    write(file, f"{text}\n", mode=0o644)
