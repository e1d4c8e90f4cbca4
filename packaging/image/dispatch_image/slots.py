"""Where versions lie: two slots, each with a partition for the root and one for its hashes.

The root hash on the kernel's command line names the running one: its halves are the partitions'
ids. On the EFI system partition each slot has one file, kernel and hash in one; systemd-boot starts
the newest that has not failed three times, and counts in the file's name.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError

NAMES = ("a", "b")
ENTRIES = Path("/efi/EFI/Linux")
TRIES = 3
_HASH = re.compile(r"(?:^|\s)roothash=([0-9a-f]{64})(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Slot:
    """The partitions by number, on one disk."""

    name: str
    disk: Path
    root: int
    verity: int

    def device(self, number: int) -> Path:
        digit = "p" if self.disk.name[-1].isdigit() else ""
        return self.disk.with_name(f"{self.disk.name}{digit}{number}")

    def entries(self, directory: Path = ENTRIES) -> list[Path]:
        """Its files for start-up, whatever their counters say."""
        return sorted(directory.glob(f"dispatch-appliance-{self.name}*.efi"))

    def fresh_entry(self, directory: Path = ENTRIES) -> Path:
        return directory / f"dispatch-appliance-{self.name}+{TRIES}.efi"


def root_hash(command_line: str) -> str:
    """Raises ConfigError where the root file system is not a verified one."""
    found = _HASH.search(command_line)
    if found is None:
        raise ConfigError("this machine was not started from an image of the appliance")
    return found[1]


def partition_ids(hash_: str) -> tuple[str, str]:
    """Of the root and of its hashes (the Discoverable Partitions Specification)."""
    return _uuid(hash_[:32]), _uuid(hash_[32:])


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def other_slot(partitions: Mapping[str, int], disk: Path, running: int) -> Slot:
    """The one that is not in use; `partitions` by label, `running` is the root in use."""
    slots = [
        Slot(name, disk, partitions[f"root-{name}"], partitions[f"root-{name}-verity"])
        for name in NAMES
    ]
    if running not in [slot.root for slot in slots]:
        raise ConfigError("the running system is in none of the two slots")
    (other,) = (slot for slot in slots if slot.root != running)
    return other


def find_other_slot(blocks: Path = Path("/sys/class/block")) -> Slot:
    """On this machine. Raises ConfigError."""
    hash_ = root_hash(Path("/proc/cmdline").read_text())
    device = Path("/dev/disk/by-partuuid", partition_ids(hash_)[0]).resolve()
    disk = (blocks / device.name).resolve().parent
    partitions = {fact["PARTNAME"]: int(fact["PARTN"]) for fact in _partitions(disk)}
    running = int((blocks / device.name / "partition").read_text())
    return other_slot(partitions, Path("/dev", disk.name), running)


def _partitions(disk: Path) -> Iterator[Mapping[str, str]]:
    """What the kernel tells of each partition that has a name."""
    for file in disk.glob("*/uevent"):
        facts = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        if "PARTNAME" in facts:
            yield facts


def name_partitions(slot: Slot, hash_: str) -> None:
    """So that the initrd finds them by this hash. The kernel hears of it at the next start."""
    for number, uuid in zip((slot.root, slot.verity), partition_ids(hash_), strict=True):
        quietly = ("--quiet", "--no-reread", "--no-tell-kernel")
        command = ["sfdisk", *quietly, "--part-uuid", str(slot.disk), str(number), uuid]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise ConfigError(f"the partition table cannot be written: {done.stderr.strip()}")
