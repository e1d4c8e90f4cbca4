"""A virtual machine with a real kernel and a real systemd, to install into, to cut off, to boot.

    with resumed(base_image()) as machine:
        machine.copy_in({"opt/demo": Path("demo")})
        machine.sh("systemctl start demo")
        machine.cut_power()
        machine.boot()

The image is a Debian of this host's release, made once from the host's own package sources and kept
in DISPATCH_VM_CACHE or `.cache/vm`, together with the state of a machine that has just booted from
it: a test has its machine in seconds although it is emulated. What a machine writes goes to a layer
of its own. Commands go through QEMU's guest agent. Of networks the guest has its own, and this
host's loopback at HOST: no way further.

A cut of the power loses what the guest's kernel had not written yet. What it had written and not
flushed stays, as with a disk whose cache has a battery.

Needs root and the packages that `.ci/run` installs.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.debian import make_root, release

ROOT = Path(__file__).parents[2]
NEEDED = ("mmdebstrap", "qemu-system-x86_64", "qemu-img", "mke2fs")
"""Programs of this host."""

PACKAGES = (
    "acl,bubblewrap,ca-certificates,dbus,git,init,initramfs-tools,iproute2,kmod,libpam-systemd,"
    "linux-image-cloud-amd64,lz4,make,openssh-server,polkitd,procps,python3,python3-apt,"
    "qemu-guest-agent,sudo,systemd-sysv,udev"
)
UNWANTED_UNITS = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer "
    "e2scrub_reap.service getty@tty1.service serial-getty@ttyS0.service ssh.service "
    "systemd-networkd-wait-online.service"
)
HOST = "10.0.2.2"
"""This host's loopback, as the guest sees it."""
GUEST_FILES = {
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\n",
    "etc/modules-load.d/guest.conf": "virtio_console\n",
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
    # no gateway: nothing beyond HOST is reached
    "etc/systemd/network/guest.network": (
        "[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n"
    ),
}
MEMORY_MIB = 1536
DISK = "6G"
KERNEL_OPTIONS = (
    "root=/dev/vda rw console=ttyS0 quiet panic=-1 module_blacklist=kvm,kvm_amd,kvm_intel"
)
BOOT_SECONDS = 180.0
COMMAND_SECONDS = 120.0
PAYLOAD = "payload"
"""The serial number by which the guest finds files that are handed in."""


class MachineFailed(Exception):
    """The machine died, hangs, or a command in it failed; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Image:
    """A disk, what boots it, and the state of a machine that has booted it."""

    directory: Path

    @property
    def kernel(self) -> Path:
        return self.directory / "kernel"

    @property
    def initrd(self) -> Path:
        return self.directory / "initrd"

    @property
    def disk(self) -> Path:
        """As it is while the saved machine stands still; to be written to only through a layer."""
        return self.directory / "disk.qcow2"

    @property
    def state(self) -> Path:
        return self.directory / "state"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command in the guest ended."""

    status: int
    out: str
    error: str


# --- a running machine


class Machine:
    """A guest. Commands raise MachineFailed when they fail or take too long."""

    def __init__(self, image: Image, work: Path) -> None:
        self._image = image
        self._work = work
        self._disk = work / "disk.qcow2"
        _layer(image.disk, self._disk)
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor: _Line | None = None
        self._agent: _Line | None = None

    def resume(self) -> None:
        """Go on where the saved machine stands."""
        self._start("-incoming", f"exec:cat {self._image.state}")
        self._until(lambda: self._ask("query-status")["status"] != "inmigrate", "resume")
        self._ask("cont")
        self._greet()

    def boot(self) -> None:
        """Boot from the disk as it is."""
        self._start(
            *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
            *("-append", KERNEL_OPTIONS),
        )
        self._greet()

    def cut_power(self) -> None:
        """From one moment to the next nothing runs any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for line in (self._monitor, self._agent):
            if line is not None:
                line.close()
        self._process = self._monitor = self._agent = None

    def save(self, directory: Path) -> Image:
        """Stop, and keep what there is as an image to be resumed later."""
        directory.mkdir(parents=True)
        saved = Image(directory)
        self._ask("stop")
        self._ask("migrate", uri=f"exec:cat >{saved.state}")
        self._until(lambda: self._ask("query-migrate").get("status") == "completed", "save")
        self.cut_power()
        shutil.copy(self._disk, saved.disk)  # a layer that names the one below by its full path
        for file in ("kernel", "initrd"):
            (directory / file).symlink_to(self._image.directory / file)
        return saved

    def run(
        self, *argv: str, stdin: bytes = b"", seconds: float = COMMAND_SECONDS, ok: int | None = 0
    ) -> Done:
        """A command as root. With `ok` None any exit status will do."""
        started = self._agent_asks(
            "guest-exec",
            **{"path": argv[0], "arg": list(argv[1:]), "capture-output": True},
            env=["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"],
            **({"input-data": base64.b64encode(stdin).decode()} if stdin else {}),
        )
        done: dict[str, Any] = {}

        def has_ended() -> bool:
            done.update(self._agent_asks("guest-exec-status", pid=started["pid"]))
            return bool(done["exited"])

        self._until(has_ended, " ".join(argv)[:200], seconds, pause=0.1)
        status = done.get("exitcode", 128 + done.get("signal", 0))
        result = Done(status, _text(done.get("out-data", "")), _text(done.get("err-data", "")))
        if ok is not None and status != ok:
            said = f"{result.out[-4000:]}\n{result.error[-4000:]}"
            raise MachineFailed(f"{' '.join(argv)[:400]}: status {status}\n{said}")
        return result

    def sh(self, script: str, *, seconds: float = COMMAND_SECONDS) -> str:
        """What a shell script printed; it ends at the first command that fails."""
        return self.run("bash", "-euo", "pipefail", "-c", script, seconds=seconds).out

    def until(self, script: str, *, seconds: float = COMMAND_SECONDS) -> str:
        """What a script prints once it succeeds; it is tried again until then."""
        return self.sh(f"until {{ {script}\n}}; do sleep 0.3; done", seconds=seconds)

    def copy_in(self, files: Mapping[str, Path]) -> None:
        """Files and directories of this host to places below the guest's root, owned by root."""
        archive = self._work / "payload.tar"
        with tarfile.open(archive, "w", dereference=True) as tar:
            for place, path in files.items():
                tar.add(path, place, filter=_owned_by_root)
        driver = {"driver": "raw", "node-name": PAYLOAD, "read-only": True}
        self._ask(
            "blockdev-add",
            **driver,
            file={"driver": "file", "filename": str(archive), "read-only": True},
        )
        self._ask("device_add", driver="virtio-blk-pci", drive=PAYLOAD, serial=PAYLOAD, id=PAYLOAD)
        device = f"/dev/disk/by-id/virtio-{PAYLOAD}"
        # directories that exist, such as /lib, may be links: they stay what they are
        self.until(f"test -e {device}")
        self.sh(f"tar -C / --keep-directory-symlink --no-overwrite-dir -xf {device}", seconds=300)
        self._ask("device_del", id=PAYLOAD)
        self.until(f"! test -e {device}")
        self._until(self._unplugged, "unplug the files")
        archive.unlink()

    def reach(self, port: int) -> int:
        """A port of this host's loopback that leads to one of the guest's."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ours: int = free.getsockname()[1]
        forward = f"hostfwd_add net tcp:127.0.0.1:{ours}-:{port}"
        self._ask("human-monitor-command", **{"command-line": forward})
        return ours

    def console(self) -> str:
        """The end of what the guest's kernel and systemd printed."""
        file = self._work / "console"
        return file.read_text(errors="replace")[-3000:] if file.exists() else ""

    # --- how it is spoken to

    def _start(self, *how: str) -> None:
        console, monitor, agent = (self._work / n for n in ("console", "monitor", "agent"))
        for path in (monitor, agent):
            path.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", *_processor(), "-machine", "pc", "-smp", "2"),
                *("-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot"),
                *("-serial", f"file:{console}", "-qmp", f"unix:{monitor},server=on,wait=off"),
                *("-drive", f"file={self._disk},format=qcow2,if=none,id=root,discard=unmap"),
                *("-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"),
                *(
                    "-netdev",
                    "user,id=net,ipv6=off",
                    "-device",
                    "virtio-net-pci,netdev=net,romfile=",
                ),
                *("-device", "virtio-serial-pci"),
                *("-chardev", f"socket,id=agent,path={agent},server=on,wait=off"),
                *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
                *how,
            ],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        self._monitor = _Line(monitor, self._is_alive)
        self._monitor.hear()  # its greeting
        self._ask("qmp_capabilities")
        self._agent = _Line(agent, self._is_alive)

    def _greet(self) -> None:
        """Wait until the guest answers, and tell it what time it is."""
        assert self._agent is not None
        number = time.monotonic_ns() % 2**31
        self._agent.say({"execute": "guest-sync", "arguments": {"id": number}})
        self._until(lambda: self._agent_said(number), "boot", BOOT_SECONDS)
        self._agent_asks("guest-set-time", time=time.time_ns())

    def _agent_said(self, number: int) -> bool:
        assert self._agent is not None
        with suppress(TimeoutError):
            return bool(self._agent.hear(1.0).get("return") == number)
        return False

    def _ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        assert self._monitor is not None
        self._monitor.say({"execute": command, "arguments": arguments})
        while "return" not in (answer := self._monitor.hear(60.0)):
            if "error" in answer:
                raise MachineFailed(f"{command}: {answer['error']['desc']}")
        found: dict[str, Any] = answer["return"]
        return found

    def _agent_asks(self, command: str, **arguments: Any) -> dict[str, Any]:
        assert self._agent is not None
        self._agent.say({"execute": command, "arguments": arguments})
        try:
            answer = self._agent.hear(60.0)
        except TimeoutError as error:
            raise MachineFailed(f"the guest does not answer: {self.console()}") from error
        if "error" in answer:
            raise MachineFailed(f"{command}: {answer['error']['desc']}")
        found: dict[str, Any] = answer["return"]
        return found

    def _unplugged(self) -> bool:
        with suppress(MachineFailed):
            self._ask("blockdev-del", **{"node-name": PAYLOAD})
            return True
        return False

    def _is_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise MachineFailed(f"the machine died; its console ended with:\n{self.console()}")

    def _until(
        self, test: Callable[[], bool], what: str, seconds: float = 60.0, pause: float = 0.02
    ) -> None:
        end = time.monotonic() + seconds
        while not test():
            self._is_alive()
            if time.monotonic() > end:
                raise MachineFailed(
                    f"{what}: not within {seconds:.0f} s; the console ended with:\n{self.console()}"
                )
            time.sleep(pause)


class _Line:
    """JSON objects, one a line, over a socket of QEMU's."""

    def __init__(self, path: Path, is_alive: Callable[[], None]) -> None:
        self._is_alive = is_alive
        self._socket = socket.socket(socket.AF_UNIX)
        while self._socket.connect_ex(str(path)):
            is_alive()
            time.sleep(0.01)
        self._unread = b""

    def say(self, words: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(words).encode() + b"\n")

    def hear(self, seconds: float = 10.0) -> dict[str, Any]:
        """The next object. Raises TimeoutError."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._unread:
            received = b""
            with suppress(ConnectionResetError):
                received = self._socket.recv(1 << 20)
            if not received:
                self._is_alive()
                raise MachineFailed("the machine hung up")
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        heard: dict[str, Any] = json.loads(line.lstrip(b"\xff"))
        return heard

    def close(self) -> None:
        self._socket.close()


@contextmanager
def resumed(image: Image) -> Iterator[Machine]:
    """A machine that goes on where the image's stands, and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="machine-") as work:
        machine = Machine(image, Path(work))
        try:
            machine.resume()
            yield machine
        finally:
            machine.cut_power()


# --- the image


def base_image() -> Image:
    """The Debian that everything is tried on; made when it is not there yet (half a minute)."""
    cache = Path(os.getenv("DISPATCH_VM_CACHE") or ROOT / ".cache/vm")
    cache.mkdir(parents=True, exist_ok=True)
    makers = (Path(__file__), Path(__file__).with_name("debian.py"))
    made_by = hashlib.sha256(b"".join(map(Path.read_bytes, makers))).hexdigest()[:12]
    image = Image(cache / f"{release()}-{made_by}")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.directory.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                _build(Path(directory))
                (Path(directory) / "image").rename(image.directory)
    return image


def _build(directory: Path) -> None:
    root, image = directory / "root", directory / "image"
    image.mkdir()
    _install(root, directory)
    for name, pattern in (("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        (found,) = (root / "boot").glob(pattern)
        found.rename(image / name)
    raw = directory / "raw"
    _run("truncate", "-s", DISK, str(raw))
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(raw))
    _run("qemu-img", "convert", "-O", "qcow2", str(raw), str(image / "disk.qcow2"))
    _save_booted(Image(image), directory)


def _save_booted(image: Image, directory: Path) -> None:
    """Boot it once, on its own disk, and keep the state of the machine beside it."""
    work = directory / "work"
    work.mkdir()
    machine = Machine(image, work)
    try:
        machine.boot()
        machine.run("systemctl", "is-system-running", "--wait", ok=None)
        saved = machine.save(directory / "saved")
    finally:
        machine.cut_power()
    saved.state.rename(image.state)
    whole = directory / "whole"
    _run("qemu-img", "convert", "-O", "qcow2", str(saved.disk), str(whole))
    whole.rename(image.disk)


def _install(root: Path, directory: Path) -> None:
    guest = directory / "guest"
    for name, text in GUEST_FILES.items():
        (guest / name).parent.mkdir(parents=True, exist_ok=True)
        (guest / name).write_text(text)
    settings = r"printf 'MODULES=list\nCOMPRESS=lz4\n' >$1/etc/initramfs-tools/conf.d/guest"
    make_root(
        root,
        PACKAGES,
        f"--essential-hook=mkdir -p $1/etc/initramfs-tools/conf.d && {settings}",
        f"--customize-hook=cp -r {guest}/. $1/",
        "--customize-hook=chroot $1 systemctl enable -q systemd-networkd",
        f"--customize-hook=chroot $1 systemctl mask -q {UNWANTED_UNITS}",
        "--customize-hook=chroot $1 update-initramfs -u >/dev/null",
    )


def _processor() -> tuple[str, ...]:
    """Emulated: /dev/kvm may be there and still boot no kernel.

    A plain processor, because what a newer one can do in addition is slow to emulate: with "max"
    the interpreter's own work takes half as long again.
    """
    newer = "+cx16,+popcnt,+ssse3,+sse4.1,+sse4.2,+rdrand"
    return ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", f"qemu64,{newer}")


def _layer(below: Path, layer: Path) -> None:
    _run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(below), str(layer))


def _owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise MachineFailed(f"{command[0]}: {done.stderr.strip()[-2000:]}")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
