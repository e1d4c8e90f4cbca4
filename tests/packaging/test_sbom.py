"""The list of what is inside: valid by CycloneDX's own schema, whole, and the same each time."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.packaging import built
from tests.packaging.programs import PACKAGING, program

if shutil.which("dpkg-deb") is None:
    pytest.skip("there is no dpkg here", allow_module_level=True)

sbom, version = program("sbom"), program("version")

LOCKED = re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (PACKAGING / "lock/runtime.txt").read_text())
STATUS = """\
Package: {name}
Status: install ok {state}
Version: {version}
Architecture: {architecture}
Maintainer: somebody
Description: a package

"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package called as ours: its list is made from its name and from the locked wheels."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "DEBIAN").mkdir(mode=0o755)
    about = {"name": "dispatch-appliance", "version": version.debian_version()}
    control = STATUS.format(**about, architecture="amd64", state="installed").splitlines()
    control = [line for line in control if line and not line.startswith("Status:")]
    (tree / "DEBIAN/control").write_text("\n".join([*control, ""]))
    place = tmp_path_factory.mktemp("built") / "ours.deb"
    built.run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(place))
    return place


@pytest.fixture(scope="module")
def listed(package: Path) -> dict[str, Any]:
    text = sbom.beside(package).read_text()
    assert text == sbom.of_package(package)
    assert_valid(text)
    return parsed(text)


def parsed(text: str) -> dict[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def assert_valid(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_names_every_locked_library_with_its_licence(listed: dict[str, Any]) -> None:
    libraries = {one["purl"]: one for one in listed["components"]}
    expected = {f"pkg:pypi/{name}@{its}" for name, its in LOCKED if name != "pip"}
    assert libraries.keys() == expected
    assert all(one["licenses"] for one in libraries.values())


def test_the_files_it_names_are_those_of_the_lock(listed: dict[str, Any]) -> None:
    lock = (PACKAGING / "lock/runtime.txt").read_text()
    made_here = "sdnotify"  # published as source alone
    files = [
        (one["name"], file)
        for one in listed["components"]
        for file in one["externalReferences"]
        if one["name"] != made_here
    ]
    assert len([name for name, _ in files if name == "aiohttp"]) == 3  # one for each Python
    for name, file in files:
        assert f"sha256:{file['hashes'][0]['content']}" in lock, name


def test_what_is_compiled_into_a_library_is_inside_it(listed: dict[str, Any]) -> None:
    (pillow,) = (one for one in listed["components"] if one["name"] == "pillow")
    assert "FreeType" in {part["name"] for part in pillow["components"]}
    assert "pillow" not in {part["name"] for part in pillow["components"]}


def test_its_number_is_of_its_contents_and_its_time_of_the_version(
    listed: dict[str, Any], package: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.deb"
    other.write_bytes(package.read_bytes() + b"\n")  # another hash
    changed = parsed(sbom.of_package(other))
    assert changed["serialNumber"] != listed["serialNumber"]
    assert listed["metadata"]["timestamp"] == version.moment().isoformat()


def test_a_system_is_what_dpkg_has_installed_there_and_our_libraries(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text(
        'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
    )
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        STATUS.format(name="bash", version="5.2-1", architecture="amd64", state="installed")
        + STATUS.format(name="gone", version="1", architecture="all", state="config-files")
        + STATUS.format(
            name="dispatch-appliance", version="0-1", architecture="amd64", state="installed"
        )
    )
    text = sbom.of_root(tmp_path)
    assert_valid(text)
    components = {one["purl"]: one for one in parsed(text)["components"]}
    assert components.keys() == {
        "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12",
        "pkg:deb/dispatch-appliance@0-1?arch=amd64",
    }
    ours = components["pkg:deb/dispatch-appliance@0-1?arch=amd64"]
    assert len(ours["components"]) == len(LOCKED) - 1
