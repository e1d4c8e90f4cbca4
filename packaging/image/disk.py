"""The disk: a partition table, what is in the partitions, and nothing where the state will be.

esp            systemd-boot and a file for each slot
root-a, root-a-verity, root-b, root-b-verity      two slots; the second one is empty
state          made at the first boot, in whatever room the disk has
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging.image import boot
    from packaging.image.dispatch_image.slots import partition_ids
    from packaging.image.root_tree import BuildFailed, run
    from packaging.image.verity import Verified
else:
    import boot
    from dispatch_image.slots import partition_ids
    from root_tree import BuildFailed, run
    from verity import Verified

MIB = 2**20
ROOT_MIB = 768
VERITY_MIB = 8
"""Room for versions to come: a slot cannot grow."""
RAW_STATE_MIB = 512
QCOW2_GIB = 16
"""What a virtual disk may become; it takes no room before."""
DISK_ID = "b9b3e1f0-6f56-4c3e-8d4f-5d1f0c5a7e10"
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ROOT_TYPE = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"  # of x86-64: the Discoverable Partitions
VERITY_TYPE = "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5"


def table(root_hash: str) -> str:
    """For sfdisk, sizes in MiB."""
    root_id, verity_id = partition_ids(root_hash)
    return f"""\
label: gpt
label-id: {DISK_ID}
start=1MiB, size={boot.ESP_MIB}MiB, type={ESP_TYPE}, name=esp, uuid={DISK_ID[:-1]}1
size={ROOT_MIB}MiB, type={ROOT_TYPE}, name=root-a, uuid={root_id}
size={VERITY_MIB}MiB, type={VERITY_TYPE}, name=root-a-verity, uuid={verity_id}
size={ROOT_MIB}MiB, type={ROOT_TYPE}, name=root-b, uuid={DISK_ID[:-1]}4
size={VERITY_MIB}MiB, type={VERITY_TYPE}, name=root-b-verity, uuid={DISK_ID[:-1]}5
"""


def write(disk: Path, size_mib: int, esp: Path, verified: Verified) -> None:
    """A raw disk, holes where nothing is. Raises BuildFailed."""
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(size_mib * MIB)
    script = disk.with_suffix(".table")
    script.write_text(table(verified.root_hash))
    run(["sh", "-c", 'exec sfdisk --quiet "$0" <"$1"', str(disk), str(script)])
    script.unlink()
    places = {1: esp, 1 + boot.ESP_MIB: verified.root, 1 + boot.ESP_MIB + ROOT_MIB: verified.hashes}
    _fill(disk, places, {verified.root: ROOT_MIB, verified.hashes: VERITY_MIB})


def _fill(disk: Path, places: Mapping[int, Path], rooms: Mapping[Path, int]) -> None:
    for at, file in places.items():
        if file.stat().st_size > rooms.get(file, boot.ESP_MIB) * MIB:
            raise BuildFailed(f"{file.name} does not fit into its partition")
        where = [f"of={disk}", f"seek={at}", "bs=1M", "conv=notrunc,sparse", "status=none"]
        run(["dd", f"if={file}", *where])


def smallest() -> int:
    """MiB that a disk needs at least."""
    return 2 + boot.ESP_MIB + 2 * (ROOT_MIB + VERITY_MIB) + RAW_STATE_MIB


def compressed(disk: Path) -> Path:
    """For whoever writes it to a real disk. Raises BuildFailed."""
    packed = disk.with_name(f"{disk.name}.zst")
    run(["zstd", "--quiet", "--force", "-T0", "-12", str(disk), "-o", str(packed)])
    return packed


def as_qcow2(disk: Path, target: Path) -> Path:
    """For virtual machines. Raises BuildFailed."""
    run(
        [
            "qemu-img",
            "convert",
            "-c",
            "-O",
            "qcow2",
            "-o",
            "compression_type=zstd",
            str(disk),
            str(target),
        ]
    )
    return target
