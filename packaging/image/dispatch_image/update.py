"""`appliance-update FILE|https://…`: write a newer version into the slot that is not in use.

An update is a tar archive: `manifest`, its Ed25519 signature `manifest.sig`, then `root`, `verity`
and `boot` as the manifest names them by size and SHA-256. It is read from its beginning to its end,
once, so that nothing of it has to be stored; nothing is written before the signature was found
good, and the machine can start from it only after the last byte was. The key for that is part of
the image, which is to say of the root that is verified. An older version, or the same, is refused.

What was written runs after the next start. It has three of them to show that dispatchd gets ready,
or the version before runs again (`trial`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.app.cli import run_program
from appliance.app.files import sync
from appliance.errors import ApplianceError, ConfigError

if TYPE_CHECKING:  # how a type checker finds what lies beside this module
    from packaging.image.dispatch_image import slots, trial
else:
    from dispatch_image import slots, trial

KEY = Path("/usr/share/dispatch-image/update.pub")
URL = Path("/etc/dispatch-image/update-url")
MAX_MANIFEST_BYTES = 4096
SIGNATURE_BYTES = 64
BLOCK_BYTES = 1 << 20
WAIT_SECONDS = 60
PARTS = ("root", "verity", "boot")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an update."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was signed."""

    version: str
    architecture: str
    root_hash: str
    parts: Mapping[str, Part]


def main() -> int:
    return run_program("appliance-update", lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("appliance-update", description=(__doc__ or "").split(".")[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("source", nargs="?", metavar="FILE|URL")
    where.add_argument("--from-settings", action="store_true", help=f"from the address in {URL}")
    parser.add_argument(
        "--restart-when-idle", action="store_true", help="start it, unless a job is running"
    )
    options = parser.parse_args(arguments)
    source = URL.read_text().strip() if options.from_settings else options.source
    written = _update(source, is_asked=not options.from_settings)
    if options.restart_when_idle and (written or trial.waiting_version()):
        _restart_when_idle()
    elif written:
        print("next: systemctl reboot")
    return 0


def _update(source: str, *, is_asked: bool) -> bool:
    """Whether there is something new in the other slot. Raises ApplianceError."""
    with opened(source) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        manifest = signed_manifest(archive, KEY)
        running = trial.running_version()
        if not is_newer(manifest.version, running):
            if is_asked:
                raise ConfigError(f"version {running} runs; {manifest.version} is not newer")
            print(f"version {running} runs; {source} has {manifest.version}")
            return False
        if not is_asked and trial.has_failed(manifest.version):
            print(
                f"version {manifest.version} was tried and did not work; a person has to ask for it"
            )
            return False
        write(archive, manifest, slots.find_other_slot())
    trial.await_start_of(manifest.version)
    print(f"version {manifest.version} is written; it runs after the next start")
    return True


@contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """To be read once, from beginning to end. Raises ConfigError, also when the end comes early."""
    try:
        if source.startswith("https://"):
            with urllib.request.urlopen(source, timeout=WAIT_SECONDS) as stream:
                yield stream
        else:
            with Path(source).open("rb") as file:
                yield file
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise ConfigError(f"{source} cannot be read: {error}") from error
    except tarfile.TarError as error:
        raise ConfigError(f"{source} is no whole update: {error}") from error


# --- what was signed


def signed_manifest(archive: tarfile.TarFile, key: Path) -> Manifest:
    """The first two members, once the signature is good. Raises ConfigError."""
    if not key.exists():
        raise ConfigError(
            "this image was built without a key for updates, so it takes none",
            hint="write a new image; make image SIGNING_KEY=… builds one that can be updated",
        )
    content = _small(archive, "manifest", MAX_MANIFEST_BYTES)
    signature = _small(archive, "manifest.sig", SIGNATURE_BYTES)
    public = load_pem_public_key(key.read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    try:
        public.verify(signature, content)
    except InvalidSignature:
        raise ConfigError("the update is not signed by whom this image trusts") from None
    return _parsed(json.loads(content))


def _parsed(told: Mapping[str, Any]) -> Manifest:
    if told["v"] != 1:
        raise ConfigError("the update is of a kind that this version does not know")
    parts = {name: Part(**told["parts"][name]) for name in PARTS}
    return Manifest(told["version"], told["architecture"], told["root_hash"], parts)


def is_newer(version: str, running: str) -> bool:
    return _numbers(version) > _numbers(running)


def _numbers(version: str) -> tuple[int, ...]:
    if re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,5}", version) is None:
        raise ConfigError(f"{version!r} is no version")
    return tuple(map(int, version.split(".")))


def _small(archive: tarfile.TarFile, name: str, limit: int) -> bytes:
    member = _next(archive, name)
    if member.size > limit:
        raise ConfigError(f"the update's {name} is too long")
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def _next(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    member = archive.next()
    if member is None or member.name != name or not member.isreg():
        raise ConfigError(f"the update has no {name} where it should be")
    return member


# --- writing


def write(
    archive: tarfile.TarFile, manifest: Manifest, slot: slots.Slot, entries: Path = slots.ENTRIES
) -> None:
    """Everything into the slot, in an order that a power cut at any time leaves startable.

    Raises ConfigError; then the slot is empty and the running version stays.
    """
    if manifest.architecture != os.uname().machine:
        raise ConfigError(f"the update is for {manifest.architecture}")
    for old in slot.entries(entries):
        old.unlink()  # what it would start is being overwritten
    sync(entries)
    _copy(archive, manifest, "root", slot.device(slot.root))
    _copy(archive, manifest, "verity", slot.device(slot.verity))
    slots.name_partitions(slot, manifest.root_hash)
    unfinished = entries / "update.unfinished"
    _copy(archive, manifest, "boot", unfinished)
    unfinished.rename(slot.fresh_entry(entries))
    sync(entries)


def _copy(archive: tarfile.TarFile, manifest: Manifest, name: str, target: Path) -> None:
    part, member = manifest.parts[name], _next(archive, name)
    if member.size != part.size:
        raise ConfigError(f"the update's {name} has another size than was signed")
    source = archive.extractfile(member)
    assert source is not None
    digest = hashlib.sha256()
    with target.open("r+b" if target.exists() else "wb") as file:
        if target.is_block_device() and _room(file) < part.size:
            raise ConfigError(f"the update's {name} does not fit into its partition")
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            file.write(block)
        file.truncate() if target.is_file() else None
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != part.sha256:
        raise ConfigError(f"the update's {name} is not what was signed; nothing of it will run")


def _room(device: IO[bytes]) -> int:
    size = device.seek(0, os.SEEK_END)
    device.seek(0)
    return size


# --- the next start


def _restart_when_idle() -> None:
    from appliance.app.config_commands import DEFAULT_FILE
    from appliance.app.control_commands import connect

    try:
        with connect(DEFAULT_FILE) as client:
            running = client.ask("status")["running"]
    except ApplianceError:
        running = []  # nothing runs that could be lost
    if running:
        print("a job is running; the restart waits for the next night")
        return
    subprocess.run(["systemctl", "reboot"], check=True)
