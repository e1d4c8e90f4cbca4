"""Build the appliance image (`make image`): a disk to start a machine from, and nothing else to do.

    python packaging/image/make_image.py [--key FILE] [--package NAME]… [--deb FILE]

Into build/: NAME.raw.zst for a real disk, NAME.qcow2 for virtual machines, NAME.update for machines
that run another version, NAME.cdx.json with what is inside, NAME.roothash. Needs root, Debian 12
and its package sources. --key: the private key that updates are signed with; without one the image
takes no updates. --package: a Debian package more, such as what the projects are built with.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__

HERE = Path(__file__).resolve().parent

if TYPE_CHECKING:  # how a type checker finds what lies beside this program, and above
    from packaging import deb, licences, sbom, version, wheels
    from packaging.image import boot, disk, root_tree, update_file, verity
    from packaging.image.root_tree import BuildFailed
else:
    sys.path.append(str(HERE.parent))
    import boot
    import deb
    import disk
    import licences
    import root_tree
    import sbom
    import update_file
    import verity
    import version
    import wheels
    from root_tree import BuildFailed

BUILD = root_tree.ROOT / "build"
ARCHITECTURE = "amd64"
MACHINE = "x86_64"
ENTRY = "EFI/Linux/dispatch-appliance-a+3.efi"
NEEDED = {
    **{name: name for name in ("mmdebstrap", "zstd")},
    "mkfs.erofs": "erofs-utils",
    "veritysetup": "cryptsetup-bin",
    "objcopy": "binutils",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "qemu-img": "qemu-utils",
    str(boot.STUB): "systemd-boot-efi",
}
"""Programs and files of this machine, and the packages that bring them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built."""

    package: Path
    key: Path | None = None
    more: tuple[str, ...] = ()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--package", action="append", default=[])
    parser.add_argument("--deb", type=Path)
    options = parser.parse_args(arguments)
    try:
        check_tools()
        package = options.deb or deb.build(ARCHITECTURE)
        for made in build(Wanted(package, options.key, tuple(options.package)), BUILD):
            print(f"{made}  {made.stat().st_size / disk.MIB:.0f} MiB")
    except (BuildFailed, deb.BuildFailed, licences.NoLicence, wheels.NotToBeHad) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error.cmd[0]} failed: {error.stderr}", file=sys.stderr)
        return 1
    return 0


def check_tools() -> None:
    """Raises BuildFailed."""
    root_tree.check_tools(NEEDED)


def build(wanted: Wanted, directory: Path) -> list[Path]:
    """The files, the disks first. Raises BuildFailed and what `deb.build` and `sbom` raise."""
    directory.mkdir(exist_ok=True)
    name = directory / f"{version.NAME}_{__version__}_{ARCHITECTURE}"
    with tempfile.TemporaryDirectory(dir=directory, prefix="image-") as place:
        work = Path(place)
        work.chmod(0o755)  # apt's own user has to come through
        tree = root_tree.make(
            wanted.package.resolve(), _public(wanted.key, work), work, wanted.more
        )
        verified = verity.seal(tree.root, work)
        started = boot.unified(tree, verified.root_hash, work)
        made = _disks(name, boot.partition(started, ENTRY, work), verified, work)
        if wanted.key is not None:
            parts = {"root": verified.root, "verity": verified.hashes, "boot": started}
            made.append(_update(name, parts, wanted.key, verified.root_hash))
        made.append(_beside(name, ".cdx.json", sbom.of_root(tree.root)))
        made.append(_beside(name, ".roothash", f"{verified.root_hash}\n"))
    return made


def _disks(name: Path, esp: Path, verified: verity.Verified, work: Path) -> list[Path]:
    raw, large = work / f"{name.name}.raw", work / "large.raw"
    disk.write(raw, disk.smallest(), esp, verified)
    packed = disk.compressed(raw)
    disk.write(large, disk.QCOW2_GIB * 1024, esp, verified)
    qcow2 = disk.as_qcow2(large, name.with_name(f"{name.name}.qcow2"))
    return [Path(shutil.move(packed, name.with_name(packed.name))), qcow2]


def _public(key: Path | None, work: Path) -> Path | None:
    if key is None:
        return None
    public = work / "update.pub"
    public.write_bytes(update_file.public_pem(update_file.signing_key(key)))
    return public


def _update(name: Path, parts: dict[str, Path], key: Path, root_hash: str) -> Path:
    return update_file.write(
        name.with_name(f"{name.name}.update"),
        parts,
        update_file.signing_key(key),
        version=__version__,
        architecture=MACHINE,
        root_hash=root_hash,
    )


def _beside(name: Path, suffix: str, text: str) -> Path:
    file = name.with_name(name.name + suffix)
    file.write_text(text)
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
