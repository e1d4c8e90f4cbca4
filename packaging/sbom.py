"""Write what is inside (SBOM, CycloneDX 1.6 JSON): of our Debian package, or of a whole system.

    python packaging/sbom.py deb PACKAGE.deb           → PACKAGE.deb.cdx.json
    python packaging/sbom.py root DIRECTORY OUTPUT     a root file system with our package in it

Of our package: each Python library with its licence, the files of the package index that were
taken, by hash, and the parts that its authors name as compiled in. Of a system: each Debian package
that dpkg knows there, and ours the same way. Debian's licences are not in it: they are in the
packages' copyright files, in words.

The same contents give the same bytes: the serial number is made from the contents, and the time is
that of the version.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import deb_tree, licences, version, wheels
else:
    import deb_tree
    import licences
    import version
    import wheels

SUFFIX = ".cdx.json"
OURS = version.NAME

_KNOWN_TO_DPKG = r"${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"
_LICENCES = LicenseFactory()


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["deb", package]:
                print(beside(Path(package)))
            case ["root", root, output]:
                Path(output).write_text(of_root(Path(root)))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (licences.NoLicence, wheels.NotToBeHad, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def beside(package: Path) -> Path:
    """Write the list of a Debian package of ours next to it; raises as `of_package`."""
    listed = package.with_name(package.name + SUFFIX)
    listed.write_text(of_package(package))
    return listed


def of_package(package: Path) -> str:
    """Raises NotToBeHad, NoLicence or CalledProcessError."""
    name, its_version, architecture = (
        _output("dpkg-deb", "--field", str(package), field).strip()
        for field in ("Package", "Version", "Architecture")
    )
    ours = _debian(name, its_version, architecture)
    ours.type = ComponentType.APPLICATION
    ours.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest(package))]
    return _text(ours, _libraries(wheels.locked_wheels(architecture)))


def of_root(root: Path) -> str:
    """What an unpacked system consists of. Raises NotToBeHad, NoLicence or CalledProcessError."""
    release = _os_release(root)
    system = Component(
        name=OURS,
        version=version.debian_version(),
        type=ComponentType.OPERATING_SYSTEM,
        bom_ref=f"{OURS}-system",
        description=f"{release['PRETTY_NAME']} with {OURS}",
    )
    return _text(system, _installed(root, f"{release['ID']}-{release['VERSION_ID']}"))


def _installed(root: Path, distribution: str) -> Iterator[Component]:
    database = f"--admindir={root / 'var/lib/dpkg'}"
    told = _output("dpkg-query", database, "--show", f"--showformat={_KNOWN_TO_DPKG}")
    for line in told.splitlines():
        state, name, its_version, architecture = line.split("\t")
        if state == "installed" and name == OURS:
            ours = _debian(name, its_version, architecture)
            ours.components = _libraries(wheels.locked_wheels(architecture))
            yield ours
        elif state == "installed":
            yield _debian(name, its_version, architecture, distribution)


# --- components


def _debian(name: str, its_version: str, architecture: str, distribution: str = "") -> Component:
    """A Debian package: the distribution's, or our own."""
    whose = distribution.partition("-")[0] or None
    more = {"arch": architecture} | ({"distro": distribution} if distribution else {})
    address = PackageURL("deb", whose, name, its_version, more)
    return Component(
        name=name,
        version=its_version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=str(address),
    )


def _libraries(directory: Path) -> Iterator[Component]:
    """Each library of the locked wheels once, however many Pythons it was compiled for."""
    found = [(licences.read(wheel), wheel) for wheel in deb_tree.wheels_in(directory)]
    for name, ones in groupby(found, key=lambda one: one[0].name):
        (library, _), *_ = alike = list(ones)
        yield _library(name, library, [wheel for _, wheel in alike])


def _library(name: str, library: licences.Library, files: Iterable[Path]) -> Component:
    address = PackageURL("pypi", None, name.lower().replace("_", "-"), library.version)
    files = list(files)
    return Component(
        name=name,
        version=library.version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=str(address),
        licenses=[_LICENCES.make_from_string(library.expression)],
        external_references=map(_file, files),
        components=_parts(str(address), files),
    )


def _file(wheel: Path) -> ExternalReference:
    """The very file that was taken from the index, or made of what was."""
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(wheel.name),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest(wheel))],
    )


def _parts(inside: str, files: Iterable[Path]) -> Iterator[Component]:
    """What was compiled into a library, as its authors list it."""
    listed = {(part["name"], part.get("version", "")): part for part in _listed(files)}
    for (name, its_version), part in sorted(listed.items()):
        if PackageURL.from_string(inside).name == name:
            continue  # pillow names itself
        said = sorted(licences.licence_in_list(one) for one in part.get("licenses", ()))
        yield Component(
            name=name,
            version=its_version or None,
            type=ComponentType.LIBRARY,
            purl=PackageURL.from_string(part["purl"]) if "purl" in part else None,
            bom_ref=f"{inside}#{name}@{its_version}",
            licenses=[_LICENCES.make_from_string(" AND ".join(said))] if said else (),
        )


def _listed(files: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    for wheel in files:
        with zipfile.ZipFile(wheel) as archive:
            yield from licences.parts_in(archive)


# --- the list


def _text(about: Component, parts: Iterable[Component]) -> str:
    bom = Bom(components=parts, serial_number=uuid.UUID(int=0))
    bom.metadata.component = about
    bom.metadata.timestamp = version.moment()
    bom.register_dependency(about, bom.components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, _json(bom))
    return _json(bom) + "\n"


def _json(bom: Bom) -> str:
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _os_release(root: Path) -> Mapping[str, str]:
    lines = (root / "usr/lib/os-release").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
