"""A USB stick (any disk) with the label DISPATCH, and the one file on it.

What was taken is overwritten and removed, because it holds a bot's token. Flash memory may keep an
old copy of a block where only its maker's tools find it: who cannot live with that destroys the
stick, or gives the token by a credential.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import ConfigError

DEVICE = Path("/dev/disk/by-label/DISPATCH")
PLACE = Path("/run/dispatch-image/stick")
FILE = "dispatch-appliance.toml"
NOTE = "dispatch-appliance.taken.txt"
SAYS = "What was written here was taken by a machine, and erased.\n"


@contextmanager
def mounted(device: Path = DEVICE, place: Path = PLACE) -> Iterator[Path | None]:
    """Where the stick's files are, for root alone; None without a stick. Raises ConfigError."""
    if not device.exists():
        yield None
        return
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = "--options=nosuid,nodev,noexec"
    command = ["mount", options, "--types=vfat,exfat,ext4", str(device), str(place)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ConfigError(
            f"the stick cannot be read: {done.stderr.strip()}",
            hint="format it as FAT, exFAT or ext4",
        )
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], stdin=subprocess.DEVNULL, check=False)


def erase(file: Path) -> None:
    """Overwrite and remove it, and leave word of that. Raises ConfigError when it stays."""
    try:
        with file.open("r+b") as stream:
            stream.write(bytes(file.stat().st_size))
            stream.flush()
            os.fsync(stream.fileno())
        file.unlink()
        file.with_name(NOTE).write_text(SAYS)
    except OSError as error:
        raise ConfigError(
            f"the token is still on the stick: {error.strerror}",
            hint="erase it elsewhere, or keep the stick where nobody finds it",
        ) from error
