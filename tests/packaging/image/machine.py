"""The built image in a virtual machine, as its firmware starts it, with a console to be looked at.

    with Appliance(disk, work, {"dispatch.setup": setup}) as machine:
        machine.console_shows("READY")
        machine.sh("nft list ruleset")
        machine.screenshot(Path("console.png"))

Emulated, as `tests/system/vm.py` is. The disk is a layer over the image, so the image stays as it
is. Commands go over SSH, with the key that the credential names; QEMU's network has this host's
loopback at HOST and nothing else.
"""

from __future__ import annotations

import base64
import ctypes
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

from PIL import Image

from tests.system.vm import MachineFailed

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
NEEDED = ("qemu-system-x86_64", "qemu-img", "ssh", "ssh-keygen")
MEMORY_MIB = 2048
BOOT_SECONDS = 240.0
COMMAND_SECONDS = 120.0
PAUSE_SECONDS = 0.2
SSH = (
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
)


class Appliance:
    """A machine that starts from the image. Everything raises MachineFailed that takes too long."""

    def __init__(
        self, image: Path, work: Path, credentials: Mapping[str, str], *extra: str
    ) -> None:
        self._work = work
        self._extra = extra
        self._disk = work / "disk.qcow2"
        self._variables = work / "variables"
        self._credentials = [
            f"io.systemd.credential.binary:{name}={base64.b64encode(text.encode()).decode()}"
            for name, text in credentials.items()
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        shutil.copy(VARIABLES, self._variables)
        layer = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", image.suffix[1:]]
        subprocess.run([*layer, "-b", str(image), str(self._disk)], check=True)

    def __enter__(self) -> Self:
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()

    # --- power

    def power_on(self) -> None:
        (self._work / "monitor").unlink(missing_ok=True)
        (self._work / "console").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"),
                *("-machine", "q35", "-smp", "2", "-m", str(MEMORY_MIB), "-nodefaults"),
                *("-display", "none", "-vga", "std"),
                *("-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}"),
                *("-drive", f"if=pflash,format=raw,file={self._variables}"),
                *("-serial", f"file:{self._work}/console"),
                *("-qmp", f"unix:{self._work}/monitor,server=on,wait=off"),
                *("-drive", f"file={self._disk},format=qcow2,if=none,id=disk,cache=writeback"),
                *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"),
                *("-netdev", f"user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:{self._port}-:22"),
                *("-device", "virtio-net-pci,netdev=net,romfile="),
                *self._smbios(),
                *self._extra,
            ],
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),
        )

    def _smbios(self) -> list[str]:
        """In files: a credential is no argument."""
        words = []
        for number, credential in enumerate(self._credentials):
            file = self._work / f"credential-{number}"
            file.write_text(credential)
            words += ["-smbios", f"type=11,path={file}"]
        return words

    def cut_power(self) -> None:
        """From one moment to the next nothing runs any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    # --- what is seen

    def console(self) -> str:
        file = self._work / "console"
        return file.read_text(errors="replace") if file.exists() else ""

    def console_shows(self, word: str, seconds: float = BOOT_SECONDS) -> float:
        """Returns once it does: after how many seconds."""
        began = time.monotonic()
        while word not in self.console():
            self._is_alive()
            if time.monotonic() - began > seconds:
                end = self.console()[-3000:]
                raise MachineFailed(f"no {word!r} within {seconds:.0f} s; the console:\n{end}")
            time.sleep(PAUSE_SECONDS)
        return time.monotonic() - began

    def screenshot(self, target: Path) -> None:
        """What a monitor would show."""
        dump = self._work / "screen.ppm"
        self._ask("screendump", filename=str(dump))
        with Image.open(dump) as picture:
            picture.save(target)

    # --- what is done

    def ssh(
        self, script: str, seconds: float = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """A shell script of root's, however it ends."""
        return subprocess.run(
            [*self.ssh_command(), "bash -euo pipefail -s"],
            input=script,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def ssh_command(self) -> list[str]:
        """What comes before a command of the machine's."""
        key = str(self._work / "key")
        return ["ssh", *SSH, "-i", key, "-p", str(self._port), "root@127.0.0.1"]

    def sh(self, script: str, seconds: float = COMMAND_SECONDS) -> str:
        """What it printed; it has to succeed."""
        done = self.ssh(script, seconds)
        if done.returncode:
            raise MachineFailed(f"{script[:300]}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout.strip()

    def until(self, script: str, seconds: float = BOOT_SECONDS) -> str:
        """What it prints once it succeeds; tried again until then, also while nobody answers."""
        end = time.monotonic() + seconds
        while True:
            with suppress(subprocess.TimeoutExpired):
                done = self.ssh(script, 30)
                if done.returncode == 0:
                    return done.stdout.strip()
            self._is_alive()
            if time.monotonic() > end:
                last = self.console()[-3000:]
                raise MachineFailed(f"{script}: not within {seconds:.0f} s\n{done.stderr}\n{last}")
            time.sleep(PAUSE_SECONDS)

    def _ask(self, command: str, **arguments: Any) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.settimeout(30)
            line.connect(str(self._work / "monitor"))
            answers = line.makefile("rb")
            answers.readline()  # its greeting
            for words in (
                {"execute": "qmp_capabilities"},
                {"execute": command, "arguments": arguments},
            ):
                line.sendall(json.dumps(words).encode() + b"\n")
                answer = json.loads(answers.readline())
                if "error" in answer:
                    raise MachineFailed(f"{command}: {answer['error']['desc']}")

    def _is_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise MachineFailed(f"the machine died; its console:\n{self.console()[-3000:]}")


def make_key(work: Path) -> str:
    """The public half of the key that a machine with this work directory is spoken to with."""
    key = work / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
