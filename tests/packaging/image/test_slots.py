"""Which slot runs and which one is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigError
from tests.packaging.image.modules import module

slots = module("dispatch_image.slots")

HASH = "0123456789abcdef" * 4
LABELS = {"esp": 1, "root-a": 2, "root-a-verity": 3, "root-b": 4, "root-b-verity": 5, "state": 6}


def test_the_root_hash_names_two_partitions() -> None:
    assert slots.root_hash(f"roothash={HASH} ro quiet") == HASH
    assert slots.partition_ids(HASH) == ("01234567-89ab-cdef-0123-456789abcdef",) * 2


@pytest.mark.parametrize("line", ["ro quiet", "roothash=12", f"xroothash={HASH}", ""])
def test_without_a_root_hash_nothing_is_touched(line: str) -> None:
    with pytest.raises(ConfigError, match="not started from an image"):
        slots.root_hash(line)


def test_the_free_slot_is_the_one_that_does_not_run() -> None:
    free = slots.other_slot(LABELS, Path("/dev/vda"), running=2)
    assert (free.name, free.root, free.verity) == ("b", 4, 5)
    assert slots.other_slot(LABELS, Path("/dev/vda"), running=4).name == "a"
    with pytest.raises(ConfigError, match="none of the two slots"):
        slots.other_slot(LABELS, Path("/dev/vda"), running=6)


def test_partitions_are_called_as_the_kernel_calls_them() -> None:
    on_virtio = slots.Slot("b", Path("/dev/vda"), 4, 5)
    on_nvme = slots.Slot("b", Path("/dev/nvme0n1"), 4, 5)
    assert on_virtio.device(4) == Path("/dev/vda4")
    assert on_nvme.device(5) == Path("/dev/nvme0n1p5")


def test_a_slots_entry_is_found_whatever_its_counter_says(tmp_path: Path) -> None:
    slot = slots.Slot("b", Path("/dev/vda"), 4, 5)
    names = ("dispatch-appliance-b.efi", "dispatch-appliance-b+2-1.efi")
    for name in (*names, "dispatch-appliance-a.efi"):
        (tmp_path / name).touch()
    assert {entry.name for entry in slot.entries(tmp_path)} == set(names)
    assert slot.fresh_entry(tmp_path).name == "dispatch-appliance-b+3.efi"
