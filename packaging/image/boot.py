"""What the firmware starts: systemd-boot, and one file with all that runs before the root.

That file (a unified kernel image) holds kernel, initrd and the command line with the root hash, so
whoever verifies it, as Secure Boot with a key of one's own does, verifies everything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging.image.root_tree import BuildFailed, Tree, epoch, run
else:
    from root_tree import BuildFailed, Tree, epoch, run

EFI = Path("/usr/lib/systemd/boot/efi")
STUB = EFI / "linuxx64.efi.stub"
LOADER = EFI / "systemd-bootx64.efi"
SETTINGS = "timeout 0\neditor no\nconsole-mode keep\n"
COMMAND_LINE = (
    "ro quiet loglevel=3 console=ttyS0,115200 console=tty0 panic=30 rd.shell=0 rd.emergency=reboot "
    "systemd.firstboot=off systemd.show_status=no vt.global_cursor_default=0 "
    "lockdown=confidentiality init_on_alloc=1 slab_nomerge vsyscall=none"
)
SECTIONS = {".osrel": 0x20000, ".cmdline": 0x30000, ".linux": 0x2000000, ".initrd": 0x5000000}
"""Where systemd's stub, which lies before them, wants each part in memory."""
ESP_MIB = 384
"""Room for a file of each slot, and one that is being written."""


def unified(tree: Tree, root_hash: str, work: Path, more: str = "") -> Path:
    """The file. `more`: for the kernel's command line. Raises BuildFailed."""
    line = work / "cmdline"
    line.write_text(f"roothash={root_hash} {COMMAND_LINE} {more}".rstrip())
    parts = {
        ".osrel": tree.root / "usr/lib/os-release",
        ".cmdline": line,
        ".linux": tree.kernel,
        ".initrd": tree.initrd,
    }
    if tree.kernel.stat().st_size > SECTIONS[".initrd"] - SECTIONS[".linux"]:
        raise BuildFailed("the kernel is too large for its place in the file")
    image = work / "boot.efi"
    options = [
        option
        for name, file in parts.items()
        for option in (
            f"--add-section={name}={file}",
            f"--change-section-vma={name}={SECTIONS[name]:#x}",
        )
    ]
    run(["objcopy", *options, str(STUB), str(image)])
    return image


def partition(image: Path, entry: str, work: Path) -> Path:
    """The EFI system partition, as a file. Raises BuildFailed."""
    esp, settings = work / "esp.fat", work / "loader.conf"
    esp.unlink(missing_ok=True)
    settings.write_text(SETTINGS)
    with esp.open("wb") as space:
        space.truncate(ESP_MIB * 2**20)
    clock = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run(["mkfs.vfat", "--invariant", "-F32", "-nESP", str(esp)], clock)
    for directory in ("EFI", "EFI/BOOT", "EFI/Linux", "loader"):
        run(["mmd", "-i", str(esp), f"::{directory}"], clock)
    files = {"EFI/BOOT/BOOTX64.EFI": LOADER, "loader/loader.conf": settings, entry: image}
    for place, file in files.items():
        run(["mcopy", "-i", str(esp), str(file), f"::{place}"], clock)
    return esp
