"""A real systemd with logind, D-Bus and polkit, booted in namespaces in half a second.

    with booted({"etc/polkit-1/rules.d/x.rules": "…"}) as machine:
        machine.run("systemd-inhibit", "--list")
        subprocess.run([*machine.as_user(machine.uid("dispatch")), "id"])

Its root file system is a Debian of this host's release, made once and kept in
DISPATCH_NAMESPACES_CACHE or `.cache/namespaces`; what a boot writes goes to memory above it.

Not there: the memory and pids controllers, LoadCredential, devices beyond the basic ones, a kernel
of its own. `tests.system.vm` has all that. Needs root and what `.ci/run` installs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system import debian

ROOT = Path(__file__).parents[2]
NEEDED = ("mmdebstrap", "unshare", "nsenter", "setpriv", "systemd-inhibit")
PACKAGES = "dbus,libpam-systemd,polkitd,systemd-sysv"
USER = "dispatch"
SETUP = (
    f"--customize-hook=chroot $1 useradd --system {USER}",
    "--customize-hook=chroot $1 systemctl mask -q console-getty.service",
)
BOOT_SECONDS = 60.0
BUS = "run/dbus/system_bus_socket"

BOOT = r"""
set -eu
root=$1 box=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$box/memory"
mkdir "$box/memory/written" "$box/memory/work" "$box/memory/root"
mount -t overlay overlay "$box/memory/root" \
  -o "lowerdir=$root,upperdir=$box/memory/written,workdir=$box/memory/work"
cd "$box/memory/root"
cp -r "$box/files/." .
mount --bind "$box/run" run
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=namespaces /lib/systemd/systemd --system --show-status=0 \
  --log-target=console --log-level=warning
"""


class Machine:
    """A booted machine. Its processes are seen here, but not ours there unless they join it."""

    def __init__(self, pid: int, box: Path) -> None:
        self.pid = pid
        self._box = box

    @property
    def bus(self) -> str:
        """The address of its D-Bus, for those who joined its processes and see our files."""
        return f"unix:path={self._box / BUS}"

    def run(self, *argv: str) -> str:
        """What a command of the machine prints, as root there. Raises CalledProcessError."""
        enter = ["nsenter", f"--target={self.pid}", "--all", "--"]
        done = subprocess.run([*enter, *argv], check=True, capture_output=True, text=True)
        return done.stdout

    def uid(self, user: str) -> int:
        return int(self.run("id", "--user", user))

    def as_user(self, uid: int) -> tuple[str, ...]:
        """What to put before a command of ours, for it to be a process of the machine's.

        It keeps our files and our network, and the right to read and write any file: our
        interpreter may be in somebody's home. It has no other right of root's. When what was
        started is killed, so is the command.
        """
        rights = "+dac_override,+dac_read_search"
        return (
            *("nsenter", f"--target={self.pid}", "--pid", "--ipc", "--"),
            *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
            *(f"--inh-caps={rights}", f"--ambient-caps={rights}", "--pdeathsig=KILL", "--"),
            *("env", f"DBUS_SYSTEM_BUS_ADDRESS={self.bus}"),
        )


def require() -> None:
    """Skip the test where there can be no such machine; CI has to be able to."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    why = f"no {', '.join(missing)}" if missing else "not root" if os.geteuid() else ""
    if why:
        assert os.getenv("CI") != "true", f"CI cannot boot a systemd: {why}"
        pytest.skip(f"CANNOT BOOT A SYSTEMD HERE: {why}")


@contextmanager
def booted(files: Mapping[str, str]) -> Iterator[Machine]:
    """A machine with these files laid over its root; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="machine-") as directory:  # short: sockets lie there
        box = Path(directory)
        _furnish(box, files)
        with _running(box) as outside:
            yield _greeted(outside, box)


def _furnish(box: Path, files: Mapping[str, str]) -> None:
    for name in ("memory", "run", "files"):
        (box / name).mkdir()
    for name, content in files.items():
        file = box / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


@contextmanager
def _running(box: Path) -> Iterator[subprocess.Popen[bytes]]:
    namespaces = ("--cgroup", "--pid", "--mount", "--uts", "--ipc", "--net")
    command = ["unshare", *namespaces, "--fork", "--kill-child", "bash", "-c", BOOT]
    with (
        (box / "console").open("wb") as console,
        subprocess.Popen(
            [*command, "boot", str(_root()), str(box)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        ) as outside,
    ):
        try:
            yield outside
        finally:
            outside.kill()  # and with it the whole machine


def _greeted(outside: subprocess.Popen[bytes], box: Path) -> Machine:
    """Wait until its first process is there and its D-Bus listens."""
    children = Path(f"/proc/{outside.pid}/task/{outside.pid}/children")
    end = time.monotonic() + BOOT_SECONDS
    while not ((box / BUS).exists() and (found := children.read_text().split())):
        said = (box / "console").read_text(errors="replace")[-3000:]
        assert outside.poll() is None, f"it does not boot: {said}"
        assert time.monotonic() < end, f"not booted within {BOOT_SECONDS:g} s: {said}"
        time.sleep(0.01)
    machine = Machine(int(found[0]), box)
    subprocess.run(  # "degraded" will do: of a container's units, some cannot start
        ["nsenter", f"--target={machine.pid}", "--all", "systemctl", "is-system-running", "--wait"],
        stdout=subprocess.DEVNULL,
        timeout=BOOT_SECONDS,
    )
    return machine


def _root() -> Path:
    """The root file system that all machines share; made when it is not there yet."""
    cache = Path(os.environ.get("DISPATCH_NAMESPACES_CACHE") or ROOT / ".cache/namespaces")  # noqa: TID251
    cache.mkdir(parents=True, exist_ok=True)
    made_from = repr([PACKAGES, SETUP, debian.UNREAD])
    key = hashlib.sha256(made_from.encode()).hexdigest()[:12]
    root = cache / f"{debian.release()}-{key}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                debian.make_root(Path(directory) / "root", PACKAGES, *SETUP)
                (Path(directory) / "root").rename(root)
    return root
