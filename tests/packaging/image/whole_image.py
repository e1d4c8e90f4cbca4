"""`make test-image`: the image as a whole, built and lived with. Half an hour under emulation.

Built twice to the same hash; started from nothing by a credential, paired by the code on its
console, cut off from power; told by a stick; updated to a version that works and to one that does
not. Sizes, times and memory, next to those of a bare Debian, go to `build/`, where `make bench`
finds them, and pictures of the console, too.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.bench.systems import record
from tests.emulators.telegram import TelegramEmulator
from tests.packaging import built
from tests.packaging.image.machine import FIRMWARE, NEEDED, Appliance, make_key
from tests.packaging.image.modules import module
from tests.packaging.programs import ROOT
from tests.system import conftest, vm

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

make_image = module("make_image")
root_tree = module("root_tree")
verity = module("verity")
boot = module("boot")
disk = module("disk")
update_file = module("update_file")

BUILD = ROOT / "build"
TOKEN = "123456:TEST"
ALICE = 4711
MOST_MIB = 350
FAR = "http://127.0.0.1:8081"
SETUP = f"""
[telegram]
api = "{FAR}"

[users.alice]

[projects.demo]

[machine]
name = "box"
ssh_keys = ["{{key}}"]
"""
FAR_SIDE = """
cd /etc/systemd/system
printf '[Socket]\\nListenStream=127.0.0.1:8081\\n[Install]\\nWantedBy=sockets.target\\n' >far.socket
printf '[Service]\\nExecStart=/lib/systemd/systemd-socket-proxyd %s\\n' {host}:{port} >far.service
systemctl enable --quiet --now far.socket
"""


@dataclass(frozen=True)
class Built:
    """An image, and what others are made of in a few seconds."""

    tree: Any
    root_hash: str
    image: Path
    packed: Path
    key: Path
    work: Path

    def update(self, version: str, change: str = "true") -> Path:
        """The same system as another version, with a change made by a shell in its root."""
        work = self.work / version
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        root = work / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.tree.root), str(root)], check=True)
        release = root / "usr/lib/os-release"
        old = release.read_text()
        release.write_text(old.replace("IMAGE_VERSION=", f"IMAGE_VERSION={version}\n#"))
        subprocess.run(["sh", "-euc", change], cwd=root, check=True)
        tree = root_tree.Tree(root, self.tree.kernel, self.tree.initrd)
        sealed = verity.seal(root, work)
        parts = {
            "root": sealed.root,
            "verity": sealed.hashes,
            "boot": boot.unified(tree, sealed.root_hash, work),
        }
        file = update_file.write(
            work / "version.update",
            parts,
            update_file.signing_key(self.key),
            version=version,
            architecture="x86_64",
            root_hash=sealed.root_hash,
        )
        shutil.rmtree(root)
        return Path(file)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Of this checkout, as `make image` builds it."""
    conftest.require_machine()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or not FIRMWARE.exists():
        pytest.skip(f"CANNOT START AN IMAGE HERE: no {', '.join(missing) or 'ovmf'}")
    make_image.check_tools()
    BUILD.mkdir(exist_ok=True)
    work = BUILD / "image-test"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o755)
    key = work / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
    try:
        yield _build(built.package(), key, work)
    finally:
        shutil.rmtree(work)


def _build(package: Path, key: Path, work: Path) -> Built:
    public = work / "update.pub"
    public.write_bytes(update_file.public_pem(update_file.signing_key(key)))
    tree = root_tree.make(package, public, work)
    sealed = verity.seal(tree.root, work)
    started = boot.unified(tree, sealed.root_hash, work)
    esp = boot.partition(started, make_image.ENTRY, work)
    raw = work / "image.raw"
    disk.write(raw, disk.QCOW2_GIB * 1024, esp, sealed)
    packed = disk.as_qcow2(raw, work / "packed.qcow2")
    return Built(tree, sealed.root_hash, raw, packed, key, work)


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(TOKEN) as emulator:
        yield emulator


class House:
    """A machine that is told by a credential, and its Bot API, which stays when power is cut."""

    def __init__(self, machine: Appliance, telegram: TelegramEmulator) -> None:
        self.machine = machine
        self.telegram = telegram

    async def far_side(self) -> None:
        """The machine reaches the Bot API as one of its own; so it can be set up, by and by."""
        port = self.telegram.url.rpartition(":")[2]
        await asyncio.to_thread(self.machine.until, FAR_SIDE.format(host=vm.HOST, port=port))

    async def ready(self) -> float:
        return await asyncio.to_thread(self.machine.console_shows, "READY")

    async def sh(self, script: str, seconds: float = 300) -> str:
        return await asyncio.to_thread(self.machine.sh, script, seconds)

    async def until(self, script: str, seconds: float = 600) -> str:
        return await asyncio.to_thread(self.machine.until, script, seconds)

    async def restart(self) -> None:
        await asyncio.to_thread(self.machine.cut_power)
        await asyncio.to_thread(self.machine.power_on)


def house(image: Built, work: Path, telegram: TelegramEmulator) -> House:
    setup = SETUP.format(key=make_key(work))
    credentials = {"dispatch.setup": setup, "dispatch.telegram-token": TOKEN}
    return House(Appliance(image.image, work, credentials), telegram)


# --- the image


def test_it_is_small_and_the_same_packages_give_the_same_root_hash(
    image: Built, tmp_path: Path
) -> None:
    size = image.packed.stat().st_size / disk.MIB
    record(BUILD, "image: size, compressed", "MiB", size)
    assert size <= MOST_MIB
    again = tmp_path / "again"
    again.mkdir()
    tmp_path.chmod(0o755)
    tree = root_tree.make(built.package(), image.work / "update.pub", again)
    assert verity.seal(tree.root, again).root_hash == image.root_hash


async def test_from_power_on_to_a_paired_phone_and_through_a_power_cut(
    image: Built, tmp_path: Path, telegram: TelegramEmulator
) -> None:
    home = house(image, tmp_path, telegram)
    with home.machine:
        await home.far_side()
        await home.ready()
        await asyncio.to_thread(home.machine.console_shows, "To pair alice")
        await it_is_closed(home)
        look(home.machine, "image-pairing")  # drawn by now
        await a_phone_is_paired(home)
        await home.restart()
        took = await home.ready()
        bare = await asyncio.to_thread(bare_debian, tmp_path)
        record(BUILD, "image: power on to READY, emulated", "s", took, bare.seconds)
        record(BUILD, "image: idle memory", "MiB", float(await home.sh(USED_MEMORY)), bare.memory)
        look(home.machine, "image-ready")
        await nothing_is_lost(home)


USED_MEMORY = "awk '/^MemTotal/{t=$2} /^MemAvailable/{a=$2} END{print (t-a)/1024}' /proc/meminfo"


async def it_is_closed(home: House) -> None:
    """Nobody can log in, nothing listens but what was asked for, and the root cannot change."""
    assert "policy drop" in await home.sh("nft list chain inet appliance inbound")
    listening = await home.sh("ss -Hltn | awk '{print $4}'")
    outside = [x for x in listening.split() if not x.startswith(("127.", "[::1]"))]
    assert {address.rpartition(":")[2] for address in outside} == {"22"}
    assert "passwd: " not in await home.sh("passwd --status root | grep ' L '")
    assert await home.sh("systemctl list-units --no-legend 'getty@*' 'serial-getty@*'") == ""
    assert "ro" in (await home.sh("findmnt -no OPTIONS /")).split(",")
    assert (await home.sh("findmnt -no SOURCE /")).startswith("/dev/mapper/root")
    assert await home.sh("touch /usr/x 2>&1 || true") != ""
    assert await home.sh("timedatectl show -p NTP --value") == "yes"
    assert "persistent" in await home.sh("systemd-analyze cat-config systemd/journald.conf")
    assert await home.sh("systemctl --failed --no-legend --plain") == ""
    assert await home.sh("cat /run/dispatch-image/token 2>&1 || true") != TOKEN
    stored = "grep -rl '123456:TEST' /etc /var /run --exclude-dir=credentials 2>/dev/null || true"
    assert await home.sh(stored) == ""
    assert int(await home.sh("df --output=size -m /var | tail -1")) > 10_000  # grown


async def a_phone_is_paired(home: House) -> None:
    """By what the console shows, as the camera of the phone would read it."""
    code = shown_link(home.machine.console()).rpartition("start=")[2]
    home.telegram.user_says(ALICE, f"/start {code}")
    await home.until(f"dispatchctl users list | grep telegram:{ALICE}")
    home.telegram.user_says(ALICE, "/status")


def shown_link(console: str) -> str:
    """The one that stands beside the QR code, broken over lines."""
    last = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", console.rpartition("\x1b[2J")[2])
    beside = [line.strip(" \r▀▄█") for line in last.splitlines()]
    first = next(n for n, line in enumerate(beside) if line.startswith("https://"))
    return "".join(itertools.takewhile(bool, beside[first:]))


async def nothing_is_lost(home: House) -> None:
    assert f"telegram:{ALICE}" in await home.sh("dispatchctl users list")
    assert "intact" in await home.sh("dispatchctl audit verify")
    assert (await home.sh("hostname")) == "box"
    doctor = json.loads(await home.sh("dispatchctl doctor --json || true"))
    failed = [check for check in doctor["checks"] if check["outcome"] == "fail"]
    assert failed == [], failed
    assert await home.sh("journalctl --list-boots | grep -c '^ *-\\?[0-9]'") == "2"


async def test_an_update_is_taken_and_one_that_does_not_work_is_taken_back(
    image: Built, tmp_path: Path, telegram: TelegramEmulator
) -> None:
    good = image.update("9.0.0")
    bad = image.update("9.1.0", "printf '#!/bin/sh\\nexit 78\\n' >usr/bin/dispatchd")
    home = house(image, tmp_path, telegram)
    with home.machine:
        await home.far_side()
        await home.ready()
        before = await home.sh("stat -c %i /var/lib/dispatch/state.db")
        await updated(home, good)
        await home.until("grep -q 'IMAGE_VERSION=9.0.0' /etc/os-release && dispatchctl status")
        await home.until("/lib/systemd/systemd-bless-boot status | grep -x good")
        await updated(home, bad)
        await home.until("test -s /var/lib/dispatch-image/failed")
        assert "9.0.0" in await home.sh("grep IMAGE_VERSION= /etc/os-release")
        await home.until("dispatchctl status")
        assert await home.sh("cat /var/lib/dispatch-image/failed") == "9.1.0"
        assert await home.sh("stat -c %i /var/lib/dispatch/state.db") != before
        look(home.machine, "image-rolled-back")


async def updated(home: House, file: Path) -> None:
    """The update is on the machine, written, and the machine starts again."""
    login = home.machine.ssh_command()
    with file.open("rb") as content:
        process = await asyncio.create_subprocess_exec(
            *login, "cat >/var/tmp/version.update", stdin=content
        )
        assert await process.wait() == 0
    said = await home.sh("appliance-update /var/tmp/version.update", 600)
    assert "it runs after the next start" in said
    await home.sh("rm /var/tmp/version.update; systemctl reboot || true")


async def test_a_stick_tells_as_well_and_keeps_no_token(
    image: Built, tmp_path: Path, telegram: TelegramEmulator
) -> None:
    content = SETUP.format(key=make_key(tmp_path)).replace(
        "[telegram]", f'[telegram]\ntoken = "{TOKEN}"'
    )
    stick = make_stick(tmp_path, content)
    drive = f"file={stick},format=raw,if=none,id=stick"
    usb = ("-device", "qemu-xhci", "-drive", drive, "-device", "usb-storage,drive=stick")
    home = House(Appliance(image.image, tmp_path, {}, *usb), telegram)
    with home.machine:
        await home.far_side()
        await home.ready()
        await home.sh("sync")
    assert TOKEN.encode() not in stick.read_bytes()
    assert b"erased" in stick.read_bytes()


def make_stick(place: Path, content: str) -> Path:
    stick, file = place / "stick.raw", place / "dispatch-appliance.toml"
    file.write_text(content)
    with stick.open("wb") as space:
        space.truncate(32 * disk.MIB)
    subprocess.run(["mkfs.vfat", "-n", "DISPATCH", str(stick)], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", str(stick), str(file), "::"], check=True)
    return stick


async def test_told_nothing_it_stays_closed_and_says_so(image: Built, tmp_path: Path) -> None:
    with Appliance(image.image, tmp_path, {}) as machine:
        await asyncio.to_thread(machine.console_shows, "not set up")
        look(machine, "image-not-set-up")


# --- what is looked at, and measured


def look(machine: Appliance, name: str) -> None:
    """For people, in build/screenshots."""
    directory = BUILD / "screenshots"
    directory.mkdir(parents=True, exist_ok=True)
    machine.screenshot(directory / f"{name}.png")


@dataclass(frozen=True)
class Bare:
    """A Debian with nothing of ours."""

    seconds: float
    memory: float


def bare_debian(work: Path) -> Bare:
    """From power on until all is started, of the Debian that our system tests use.

    It is given kernel and initrd directly: firmware and systemd-boot are only in our time.
    """
    place = work / "bare"
    place.mkdir()
    machine = vm.Machine(vm.base_image(), place)
    began = time.monotonic()
    try:
        machine.boot()
        machine.run("systemctl", "is-system-running", "--wait", ok=None)
        return Bare(time.monotonic() - began, float(machine.sh(USED_MEMORY)))
    finally:
        machine.cut_power()
