"""Facts about this machine and this start of it."""

from __future__ import annotations

import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYSTEMD = Path("/run/systemd/system")


def boot_id() -> str:
    """What changes with every boot: the kernel's boot id, elsewhere the time of the boot."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text().strip()
    import psutil  # not everywhere is it needed for this

    return f"boot-{int(psutil.boot_time())}"


def runs_systemd() -> bool:
    """Whether systemd is the machine's service manager (sd_booted(3))."""
    return _SYSTEMD.is_dir()


def free_memory() -> int:
    """Bytes that programs can still get without swapping."""
    import psutil  # only where jobs are started

    return int(psutil.virtual_memory().available)


def host_name() -> str:
    """The machine's name, for people."""
    return socket.gethostname().split(".", 1)[0]
