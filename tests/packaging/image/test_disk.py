"""The disk: where everything lies, and what the scripts and units beside it are worth."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.packaging import built
from tests.packaging.image.modules import module
from tests.packaging.programs import PACKAGING

disk = module("disk")
boot = module("boot")
make_image = module("make_image")
root_tree = module("root_tree")

IMAGE = PACKAGING / "image"
HASH = "0123456789abcdef" * 4


def need(tool: str) -> None:
    if shutil.which(tool) is None:
        assert os.getenv("CI") != "true", f"CI installs what brings {tool}"
        pytest.skip(f"SKIPPED: {tool} is not on this machine")


def test_the_table_has_two_slots_and_room_for_the_state(tmp_path: Path) -> None:
    need("sfdisk")
    for name, content in {"esp": b"E", "root": b"R", "hashes": b"H"}.items():
        (tmp_path / name).write_bytes(content * 4096)
    verified = SimpleNamespace(root=tmp_path / "root", hashes=tmp_path / "hashes", root_hash=HASH)
    image = tmp_path / "image.raw"
    disk.write(image, disk.smallest(), tmp_path / "esp", verified)
    table = json.loads(built.run("sfdisk", "--json", str(image)))["partitiontable"]
    found = {part["name"]: part for part in table["partitions"]}
    assert list(found) == ["esp", "root-a", "root-a-verity", "root-b", "root-b-verity"]
    assert found["root-a"]["uuid"].lower() == "01234567-89ab-cdef-0123-456789abcdef"
    for name, letter in {"esp": b"E", "root-a": b"R", "root-a-verity": b"H"}.items():
        with image.open("rb") as file:
            file.seek(found[name]["start"] * 512)
            assert file.read(1) == letter, name
    last = found["root-b-verity"]
    free = table["lastlba"] - last["start"] - last["size"]
    assert free * 512 >= (disk.RAW_STATE_MIB - 2) * disk.MIB


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    need("sfdisk")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((disk.ROOT_MIB + 1) * disk.MIB)
    verified = SimpleNamespace(root=large, hashes=large, root_hash=HASH)
    esp = tmp_path / "esp"
    esp.touch()
    with pytest.raises(root_tree.BuildFailed, match="does not fit"):
        disk.write(tmp_path / "image.raw", disk.smallest(), esp, verified)


def test_the_kernel_is_told_the_hash_and_gives_nobody_a_shell() -> None:
    words = boot.COMMAND_LINE.split()
    for word in ("rd.shell=0", "rd.emergency=reboot", "lockdown=confidentiality"):
        assert word in words
    assert "editor no" in boot.SETTINGS


def test_missing_tools_are_named_with_the_packages_that_bring_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(root_tree.BuildFailed, match=r"mkfs\.erofs.*apt install .*erofs-utils"):
        make_image.check_tools()


@pytest.mark.parametrize("script", ["furnish", "initrd/usr/lib/dispatch-image/state"])
def test_shell_scripts_are_laid_out_and_can_be_read(script: str) -> None:
    need("shfmt")
    path = str(IMAGE / script)
    subprocess.run(["sh", "-n", path], check=True)
    subprocess.run(["shfmt", "-i", "4", "-d", path], check=True)


def test_every_unit_says_whose_it_is_and_starts_a_program_that_the_image_has() -> None:
    programs = {f"/{place}" for place in root_tree.PROGRAMS}
    for unit in sorted((IMAGE / "root/usr/lib/systemd/system").iterdir()):
        text = unit.read_text()
        assert re.search(r"(?m)^Description=dispatch-appliance: ", text), unit.name
        started = set(re.findall(r"(?m)^ExecStart=(\S+)", text))
        assert started <= programs, unit.name


def test_inbound_everything_is_dropped_that_is_not_named() -> None:
    rules = (IMAGE / "root/etc/nftables.conf").read_text()
    assert "hook input priority filter; policy drop;" in rules
    assert "hook forward priority filter; policy drop;" in rules
    assert "dport" not in rules.replace("udp sport 547 udp dport 546", "")


def test_every_unit_that_is_switched_on_or_off_is_written_once() -> None:
    furnish = (IMAGE / "furnish").read_text()
    named = re.findall(r"[\w@-]+\.(?:service|timer|target)", furnish)
    assert len(named) == len(set(named))
