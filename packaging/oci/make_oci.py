"""Build the container image (`make oci`): build/dispatch-appliance_VERSION_ARCHITECTURE.oci.tar

    python packaging/oci/make_oci.py [--deb FILE]

From the root file system of the appliance image (`packaging/image`), without what starts a machine.
No base image and no container program take part; needs root, Debian 12 and its package sources.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__

HERE = Path(__file__).resolve().parent

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import deb, install_tree, licences, version, wheels
    from packaging.image import root_tree
    from packaging.oci import layout
else:
    sys.path += [str(HERE.parent), str(HERE.parent / "image")]
    import deb
    import install_tree
    import layout
    import licences
    import root_tree
    import version
    import wheels

BUILD = root_tree.ROOT / "build"
ARCHITECTURE = "amd64"
NEEDED = {name: name for name in ("mmdebstrap", "tar")}
LEFT_OUT = (
    *("./boot/*", "./efi", "./usr/lib/modules", "./usr/lib/firmware", "./etc/fstab"),
    *("./usr/lib/dispatch-image", "./usr/share/dispatch-image", "./usr/lib/systemd/boot"),
    *("./usr/bin/appliance-*", "./usr/lib/dispatch-appliance/dispatch_image"),
    "./etc/systemd/system/*.wants/dispatch-*",
    *("./dev/*", "./proc/*", "./sys/*", "./run/*", "./tmp/*"),
)
"""What starts a machine, and what comes from the container's own system."""
RENAMED = "s,^./usr/share/factory/var,./var,"
PLACES = (
    "dispatch",
    *(f"dispatch-{x}" for x in ("audit", "agent", "canary", "workspace", "inbox")),
)
SETTINGS = {
    "Entrypoint": ["/usr/lib/dispatch-container/start"],
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
    "WorkingDir": "/",
    "StopSignal": "SIGTERM",
    "Volumes": {
        path: {}
        for path in (
            *("/etc/dispatch", "/srv"),
            *("/var/lib/dispatch", "/var/lib/dispatch-audit", "/var/lib/dispatch-agent"),
        )
    },
}
LABELS = {
    "org.opencontainers.image.title": version.NAME,
    "org.opencontainers.image.version": __version__,
    "org.opencontainers.image.licenses": "Apache-2.0",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deb", type=Path)
    options = parser.parse_args(arguments)
    try:
        check_tools()
        archive, digest = build(options.deb or deb.build(ARCHITECTURE), BUILD)
        print(f"{archive}  {archive.stat().st_size / 2**20:.0f} MiB  {digest}")
    except (
        *(root_tree.BuildFailed, deb.BuildFailed, layout.LayerFailed),
        *(licences.NoLicence, wheels.NotToBeHad),
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def check_tools() -> None:
    """Raises BuildFailed."""
    root_tree.check_tools(NEEDED)


def build(package: Path, directory: Path) -> tuple[Path, str]:
    """The archive, and the digest by which it is known. Raises BuildFailed or LayerFailed."""
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix="oci-") as place:
        work = Path(place)
        work.chmod(0o755)  # apt's own user has to come through
        tree = root_tree.make(package.resolve(), None, work)
        return pack(tree.root, work, directory)


def pack(root: Path, work: Path, directory: Path) -> tuple[Path, str]:
    """The same from a root that is there. Raises LayerFailed."""
    furnish(root)
    moment = root_tree.epoch()
    packed = layout.layer(root, work, moment, left_out=LEFT_OUT, renamed=RENAMED)
    target = directory / f"{version.NAME}_{__version__}_{ARCHITECTURE}.oci.tar"
    digest = layout.write(
        target,
        packed,
        SETTINGS,
        architecture=ARCHITECTURE,
        tag=f"{version.NAME}:{__version__}",
        moment=moment,
        labels=LABELS,
    )
    return target, digest


def furnish(root: Path) -> None:
    """What a container has and a machine has not."""
    library = root / install_tree.LIBRARY
    skipped = shutil.ignore_patterns("__pycache__")
    ours = library / "dispatch_container"
    shutil.copytree(HERE / "dispatch_container", ours, ignore=skipped, dirs_exist_ok=True)
    start = root / "usr/lib/dispatch-container/start"
    install_tree.write_program(start, "start", "dispatch_container.start:main")
    share = root / "usr/share/dispatch-container"
    install_tree.copy(HERE / "dispatch.toml", share / "dispatch.toml")
    policies = root / "etc/dispatch/policies"
    shutil.copytree(policies, share / "policies", dirs_exist_ok=True)
    for place in PLACES:  # a read-only system gets no new directories to mount something on
        (root / "usr/share/factory/var/lib" / place).mkdir(exist_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
