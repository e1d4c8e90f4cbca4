"""Build all that a release consists of into dist/ (`make release`).

    python packaging/release.py [--parts "deb python formula image oci"] [--url URL]
        [--key FILE] [--image-key FILE] [--unsigned]

    python    the archive and the wheel
    deb       the Debian packages, and what is inside of each (SBOM)
    formula   the Homebrew formula and what it fetches, from --url: where all this will lie
    image     the appliance's disk images and its update; --image-key signs the update
    oci       the image for containers

With release notes, checksums of all of it, their signature by --key, and how to verify that. What
this machine cannot build, or what is not ready to be released, is said and stops the release: it is
never a smaller one than was asked for. --unsigned is for trials: nothing is signed, what is not
ready is only said, and the names of the files say so. The same checkout gives the same bytes; the
images, as long as Debian's packages are the same.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.storage import schemas

IMAGES = ("image", "oci")

if TYPE_CHECKING:  # how a type checker finds what lies beside this program, and below
    from packaging import deb, formula, licences, python_package, sbom, signature, version, wheels
    from packaging.image import make_image, root_tree
    from packaging.oci import layout, make_oci
else:
    sys.path += [str(Path(__file__).parent / name) for name in IMAGES]
    import deb
    import formula
    import layout
    import licences
    import make_image
    import make_oci
    import python_package
    import root_tree
    import sbom
    import signature
    import version
    import wheels

ROOT = deb.ROOT
DIST = ROOT / "dist"
SUMS = "SHA256SUMS"
NOTES = "RELEASE_NOTES.md"
TRIAL = "UNSIGNED.md"


class NoRelease(Exception):
    """There is no release; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be released, and with what."""

    parts: tuple[str, ...]
    key: Path | None
    image_key: Path | None
    url: str


def main(arguments: list[str]) -> int:
    order = _order(arguments)
    try:
        for made in release(order, DIST):
            print(made.relative_to(ROOT))
    except (
        *(NoRelease, deb.BuildFailed, licences.NoLicence, root_tree.BuildFailed),
        *(layout.LayerFailed, signature.BadKey, version.NotReady, wheels.NotToBeHad),
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error.cmd[0]} failed: {error.stderr or error}", file=sys.stderr)
        return 1
    return 0


def release(order: Order, place: Path) -> list[Path]:
    """All files, in the place of what was there. Raises what main names."""
    doubts = list(_not_ready(order))
    if doubts and order.key is not None:
        raise NoRelease("\n  ".join(["this cannot be released yet:", *doubts]))
    for part in order.parts:
        _PARTS[part].check(order)
    return build(order, doubts, place)


def build(order: Order, doubts: Iterable[str], place: Path) -> list[Path]:
    """The same for what is known to be possible; doubts are told to who gets a trial."""
    deb.BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=deb.BUILD) as directory:
        new = Path(directory, place.name)
        new.mkdir()
        new.parent.chmod(0o755)  # apt's own user has to come through
        for part in order.parts:
            print(f"{part} …", file=sys.stderr, flush=True)
            _PARTS[part].build(order, new)
        _finish(order.key, doubts, new)
        shutil.rmtree(place, ignore_errors=True)
        shutil.move(new, place)
    return sorted(place.iterdir())


def _order(arguments: list[str]) -> Order:
    parser = argparse.ArgumentParser(description="Build a release into dist/.")
    parser.add_argument("--parts", default=" ".join(_PARTS))
    parser.add_argument("--url", default="")
    parser.add_argument("--image-key", type=Path)
    signing = parser.add_mutually_exclusive_group(required=True)
    signing.add_argument("--key", type=Path)
    signing.add_argument("--unsigned", action="store_true")
    found = parser.parse_args(arguments)
    unknown = [part for part in found.parts.split() if part not in _PARTS]
    if unknown or not found.parts.split():
        parser.error(f"the parts are: {' '.join(_PARTS)}")
    wanted = tuple(part for part in _PARTS if part in found.parts.split())
    return Order(wanted, found.key, found.image_key, found.url.rstrip("/"))


# --- is it ready?


def _not_ready(order: Order) -> Iterator[str]:
    yield from version.problems()
    yield from schemas.unreleased()
    command = ["git", "status", "--porcelain"]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout:
        yield "the checkout has changes that are not committed"
    if order.key is not None:
        signature.check(order.key)
    elif order.image_key is None and "image" in order.parts:
        yield "the image takes no updates: no key was given for them"


# --- the parts, in the order in which they need each other


@dataclass(frozen=True, slots=True)
class Part:
    """Raises what main names, when this machine cannot build it, and when it does not succeed."""

    check: Callable[[Order], None]
    build: Callable[[Order, Path], object]


def _build_packages(_: Order, directory: Path) -> None:
    for architecture in wheels.MACHINES:
        built = deb.build(architecture)
        sbom.beside(Path(shutil.move(built, directory / built.name)))


def _check_packages(_: Order) -> None:
    for architecture in wheels.MACHINES:
        deb.check_tools(architecture)


def _check_formula(order: Order) -> None:
    if "python" not in order.parts:
        raise NoRelease("the formula is of an archive: add python to PARTS")
    if not order.url:
        raise NoRelease(
            "the formula fetches from where the release will lie: RELEASE_URL=https://…"
        )


def _build_formula(order: Order, directory: Path) -> None:
    formula.release(directory / python_package.ARCHIVE, order.url, directory)


def _check_image(order: Order) -> None:
    make_image.check_tools()
    _check_package(order)
    if order.key is not None and order.image_key is None:
        raise NoRelease("an image takes updates that are signed: SIGNING_KEY=FILE")


def _build_image(order: Order, directory: Path) -> None:
    wanted = make_image.Wanted(_package(directory), order.image_key)
    make_image.build(wanted, directory)


def _check_oci(order: Order) -> None:
    make_oci.check_tools()
    _check_package(order)


def _build_oci(_: Order, directory: Path) -> None:
    make_oci.build(_package(directory), directory)


def _check_package(order: Order) -> None:
    if "deb" not in order.parts:
        raise NoRelease("images are of a Debian package: add deb to PARTS")


def _package(directory: Path) -> Path:
    (found,) = directory.glob(f"*_{make_image.ARCHITECTURE}.deb")
    return found


_PARTS: Mapping[str, Part] = {
    "python": Part(lambda _: None, lambda _, directory: python_package.build(directory)),
    "deb": Part(_check_packages, _build_packages),
    "formula": Part(_check_formula, _build_formula),
    "image": Part(_check_image, _build_image),
    "oci": Part(_check_oci, _build_oci),
}


# --- what is said about all of them


def _finish(key: Path | None, doubts: Iterable[str], directory: Path) -> None:
    (directory / NOTES).write_text(f"{version.notes()}\n")
    if key is None:
        (directory / TRIAL).write_text(_trial(doubts))
    lines = [f"{sbom.digest(path)}  {path.name}\n" for path in sorted(directory.iterdir())]
    sums = directory / (SUMS if key else f"{SUMS}.unsigned")
    sums.write_text("".join(lines))
    if key is not None:
        signature.sign(sums, key)


def _trial(doubts: Iterable[str]) -> str:
    said = "".join(f"- {doubt}\n" for doubt in doubts)
    return f"# A trial: nothing of this is signed, and nobody should trust it\n\n{said}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
