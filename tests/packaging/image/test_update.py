"""An update is written when it is signed, newer and whole, and otherwise nothing starts from it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.errors import ConfigError
from tests.packaging import built
from tests.packaging.image.modules import module

disk = module("disk")
slots = module("dispatch_image.slots")
update = module("dispatch_image.update")
update_file = module("update_file")

HASH = "ab" * 32
CONTENTS = {"root": b"r" * 3_000_000, "verity": b"v" * 8192, "boot": b"b" * 100_000}


@pytest.fixture
def slot(tmp_path: Path) -> Any:
    """The second slot of a disk with a real table; its partitions are files beside it."""
    if shutil.which("sfdisk") is None:
        assert os.getenv("CI") != "true", "CI installs fdisk"
        pytest.skip("SKIPPED: sfdisk is not on this machine")
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(disk.smallest() * disk.MIB)
    table = disk.table("00" * 32).encode()
    subprocess.run(["sfdisk", "--quiet", str(image)], input=table, check=True)
    return slots.Slot("b", image, 4, 5)


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    """Where the files for start-up are."""
    directory = tmp_path / "entries"
    directory.mkdir()
    return directory


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def trusted(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    file = tmp_path / "update.pub"
    file.write_bytes(update_file.public_pem(key))
    return file


def packed(place: Path, key: Ed25519PrivateKey, version: str = "2.0.0") -> bytes:
    parts = {}
    for name, content in CONTENTS.items():
        parts[name] = place / name
        parts[name].write_bytes(content)
    machine = os.uname().machine
    file = update_file.write(
        place / "x.update", parts, key, version=version, architecture=machine, root_hash=HASH
    )
    return bytes(file.read_bytes())


def taken(content: bytes, trusted: Path, slot: Any, entries: Path) -> Any:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r|") as archive:
        manifest = update.signed_manifest(archive, trusted)
        update.write(archive, manifest, slot, entries)
    return manifest


def test_a_signed_update_is_written_and_can_be_started(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, slot: Any, entries: Path
) -> None:
    (entries / "dispatch-appliance-b+0-3.efi").write_text("the one before")
    manifest = taken(packed(tmp_path, key), trusted, slot, entries)
    assert manifest.version == "2.0.0"
    uuids = [built.run("sfdisk", "--part-uuid", str(slot.disk), n).strip() for n in ("4", "5")]
    assert [uuid.lower() for uuid in uuids] == list(slots.partition_ids(HASH))
    assert slot.device(4).read_bytes() == CONTENTS["root"]
    assert slot.device(5).read_bytes() == CONTENTS["verity"]
    (entry,) = entries.iterdir()
    assert (entry.name, entry.read_bytes()) == ("dispatch-appliance-b+3.efi", CONTENTS["boot"])


def test_what_somebody_else_signed_is_not_even_looked_at(
    tmp_path: Path, trusted: Path, slot: Any, entries: Path
) -> None:
    content = packed(tmp_path, Ed25519PrivateKey.generate())
    with pytest.raises(ConfigError, match="not signed by whom this image trusts"):
        taken(content, trusted, slot, entries)
    assert not slot.device(4).exists()


def test_an_image_without_a_key_takes_nothing(
    tmp_path: Path, key: Ed25519PrivateKey, slot: Any, entries: Path
) -> None:
    with pytest.raises(ConfigError, match="takes none"):
        taken(packed(tmp_path, key), tmp_path / "none", slot, entries)


@pytest.mark.parametrize("name", ["root", "verity", "boot"])
def test_one_changed_byte_of_a_part_and_nothing_can_be_started(
    name: str, tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, slot: Any, entries: Path
) -> None:
    content = packed(tmp_path, key)
    at = content.index(CONTENTS[name]) + 1000
    changed = content[:at] + b"!" + content[at + 1 :]
    with pytest.raises(ConfigError, match=f"{name} is not what was signed"):
        taken(changed, trusted, slot, entries)
    assert list(entries.glob("*.efi")) == []


def test_a_changed_manifest_is_refused(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, slot: Any, entries: Path
) -> None:
    content = packed(tmp_path, key).replace(b'"2.0.0"', b'"9.0.0"')
    with pytest.raises(ConfigError, match="not signed"):
        taken(content, trusted, slot, entries)


def cut(content: bytes) -> bytes:
    return content[: content.index(CONTENTS["root"]) + 1_000_000]


def without_signature(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        second = archive.getmembers()[1]
        return content[: second.offset] + content[second.offset + 1024 :]


@pytest.mark.parametrize("damage", [cut, without_signature, lambda _: b"", lambda _: b"x" * 9999])
def test_what_is_no_whole_update_is_refused_in_a_sentence(
    damage: Callable[[bytes], bytes],
    tmp_path: Path,
    key: Ed25519PrivateKey,
    trusted: Path,
    slot: Any,
    entries: Path,
) -> None:
    file = tmp_path / "damaged"
    file.write_bytes(damage(packed(tmp_path, key)))
    with (
        pytest.raises(ConfigError),
        update.opened(str(file)) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        manifest = update.signed_manifest(archive, trusted)
        update.write(archive, manifest, slot, entries)
    assert list(entries.glob("*.efi")) == []


@pytest.mark.parametrize(
    ("version", "running", "is_newer"),
    [
        ("0.2.0", "0.1.0", True),
        ("0.10.0", "0.9.0", True),
        ("0.1.0", "0.1.0", False),
        ("0.0.9", "0.1.0", False),
        ("1.0", "0.9.9", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, running: str, is_newer: bool) -> None:
    assert update.is_newer(version, running) is is_newer


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ConfigError):
        update.is_newer("2; reboot", "0.1.0")
