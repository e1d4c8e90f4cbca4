"""The root file system of the image: a Debian with the package in it, and nothing to log in with.

Made by mmdebstrap from this machine's own package sources, so what is in it is as new as those are.
The same packages give the same files: `furnish` removes or fixes what would differ.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

if TYPE_CHECKING:  # how a type checker finds what lies in the directory above
    from packaging import install_tree, version
else:
    sys.path.append(str(HERE.parent))
    import install_tree
    import version

RELEASE = "bookworm"
LIBRARY = install_tree.LIBRARY
PROGRAMS = {
    "usr/bin/appliance-update": "update",
    "usr/bin/appliance-agent": "agent",
    "usr/lib/dispatch-image/first-boot": "first_boot",
    "usr/lib/dispatch-image/screen": "screen",
    "usr/lib/dispatch-image/trial": "trial",
}
PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "kmod", "libpam-systemd", "polkitd", "systemd-boot"),
    *("systemd-resolved", "systemd-timesyncd", "nftables", "openssh-server", "iproute2"),
    *("linux-image-amd64", "dracut", "cryptsetup-bin", "e2fsprogs", "fdisk", "util-linux"),
    *(
        "python3",
        "adduser",
        "procps",
        "ca-certificates",
        "acl",
        "bubblewrap",
        "git",
        "make",
        "less",
    ),
)
UNREAD = ("man", "locale", "doc", "info", "lintian", "bug")


class BuildFailed(Exception):
    """There is no image; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What was made: the root's files, and what starts it."""

    root: Path
    kernel: Path
    initrd: Path


def check_tools(needed: Mapping[str, str]) -> None:
    """Programs and files of this machine, and the packages that bring them. Raises BuildFailed."""
    missing = [name for name in needed if shutil.which(name) is None and not Path(name).exists()]
    if missing:
        wanted = " ".join(sorted({needed[name] for name in missing}))
        raise BuildFailed(f"there is no {', '.join(missing)}: apt install {wanted}")


def make(package: Path, key: Path | None, work: Path, more: tuple[str, ...] = ()) -> Tree:
    """Below `work`; `key` is the public one for updates, `more` are further Debian packages.

    Raises BuildFailed.
    """
    _check_release()
    _lay_out(work / "files", key)
    shutil.rmtree(work / "root", ignore_errors=True)
    _bootstrap(work / "root", work / "files", package, more)
    tree = Tree(work / "root", work / "linux", work / "initrd")
    for name in ("linux", "initrd"):
        shutil.move(work / "root/boot" / name, work / name)
    for place in ("run", "tmp"):
        _empty(work / "root" / place)
    return tree


def _check_release() -> None:
    found = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    if found is None or found[1] != RELEASE:
        raise BuildFailed(f"the image is a Debian {RELEASE}, and so is what it is built on")
    if os.geteuid() != 0:
        raise BuildFailed("only root can make files of other users: run it as root")


def _lay_out(files: Path, key: Path | None) -> None:
    """What is ours and not of the package."""
    shutil.rmtree(files, ignore_errors=True)
    shutil.copytree(HERE / "root", files, symlinks=True)
    shutil.copytree(HERE / "initrd", files / "usr/lib/dispatch-image/initrd", symlinks=True)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "dispatch_image", files / LIBRARY / "dispatch_image", ignore=skipped)
    for place, module in PROGRAMS.items():
        install_tree.write_program(files / place, place, f"dispatch_image.{module}:main")
    share = files / "usr/share/dispatch-image"
    install_tree.copy(HERE / "README.md", share / "README.md")
    (share / "claude.lock.json").write_text(_lock_of_claude())
    (share / "os-release").write_text(_names())
    if key is not None:
        install_tree.copy(key, share / "update.pub")


def _names() -> str:
    """By which systemd-boot puts versions into order, and people tell them apart."""
    return f"IMAGE_ID={version.NAME}\nIMAGE_VERSION={__version__}\n"


def _lock_of_claude() -> str:
    lock = json.loads((ROOT / "packaging/lock/claude/package-lock.json").read_text())
    kept = {name: entry for name, entry in lock["packages"].items() if "linux" in name}
    return json.dumps({"packages": kept}, indent=1) + "\n"


def _bootstrap(root: Path, files: Path, package: Path, more: tuple[str, ...]) -> None:
    ours = f'cp -a {files}/. "$1"/'
    built = f'mkdir "$1"/build && cp {package} {HERE}/furnish "$1"/build/'
    command = [
        # furnish has cleaned up, and moved what apt would want for that
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--skip=cleanup/apt"),
        f"--include={','.join((*PACKAGES, *more))}",
        *(f"--aptopt={line}" for line in _apt_settings()),
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook={ours}",
        f"--customize-hook={built}",
        '--customize-hook=chroot "$1" /build/furnish',
        *(RELEASE, str(root), *_apt_sources()),
    ]
    # the initrd is made once, when everything is there
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch()), "INITRD": "No"}
    run(command, environment)


def epoch() -> int:
    """The time of everything in the image."""
    return int(version.moment().timestamp())


def _apt_sources() -> Iterator[str]:
    """Where this machine has the packages of that release from."""
    places = [*sorted(Path("/etc/apt/sources.list.d").glob("*")), Path("/etc/apt/sources.list")]
    for file in places:
        is_list = file.suffix in (".list", ".sources") and file.is_file()
        if is_list and re.search(rf"(?m)^(?!#).*\b{RELEASE}\b", file.read_text()):
            yield str(file)


def _apt_settings() -> list[str]:
    """How this machine reaches them, such as through a proxy."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    wanted = re.compile(r"Acquire::(https?|Check-|Retries|ForceIP)")
    return [x for x in dump.stdout.splitlines() if wanted.match(x) and not x.endswith('"";')]


def _empty(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.mkdir()
    directory.chmod(0o1777 if directory.name == "tmp" else 0o755)


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """What a program printed. Raises BuildFailed with its last words."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise BuildFailed(f"{command[0]} failed:\n{last}")
    return done.stdout
