"""The Debian package, built: the same bytes wherever and whenever, and nothing lintian minds."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging import built
from tests.packaging.programs import PACKAGING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def package() -> Path:
    return built.package()


def test_it_is_the_same_bytes_wherever_and_whenever_it_is_built(
    package: Path, tmp_path: Path
) -> None:
    elsewhere = {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "SOURCE_DATE_EPOCH": "1", "HOME": "/"}
    again = built.build(tmp_path, elsewhere, umask=0o077)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (package, again)]
    assert digests[0] == digests[1]


def test_lintian_finds_nothing(package: Path) -> None:
    if shutil.which("lintian") is None:
        assert os.getenv("CI") != "true", "CI installs lintian"
        pytest.skip("SKIPPED: lintian is not on this machine")
    command = ["lintian", "--allow-root", "--fail-on=error,warning", str(package)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_holds_what_it_needs_and_nothing_of_pips(package: Path) -> None:
    held = {line.split()[-1] for line in built.run("dpkg-deb", "-c", str(package)).splitlines()}
    library = "./usr/lib/dispatch-appliance"
    for python in ("311", "312", "313"):
        name = f"{library}/pydantic_core/_pydantic_core.cpython-{python}-x86_64-linux-gnu.so"
        assert name in held
    assert f"{library}/appliance/chat/page/index.html" in held
    assert f"{library}/appliance/audit/report/style.css" in held
    assert f"{library}/pip/" not in held
    assert not {name for name in held if name.endswith((".pyc", "/RECORD", "/tests/", "/LICENSE"))}
    policies = {name for name in held if name.startswith("./etc/") and not name.endswith("/")}
    conffiles = built.run("dpkg-deb", "--info", str(package), "conffiles").split()
    assert {f".{name}" for name in conffiles} == policies
    assert "/etc/dispatch/policies/rules.csv" in conffiles


def test_what_people_read_is_in_it(package: Path) -> None:
    held = {line.split()[-1] for line in built.run("dpkg-deb", "-c", str(package)).splitlines()}
    documents = "./usr/share/doc/dispatch-appliance"
    assert {f"{documents}/guides/{path.name}" for path in PACKAGING.glob("guides/*.md")} <= held
    assert {f"{documents}/{name}.md" for name in ("README", "SECURITY")} <= held
    for page in PACKAGING.glob("man/*.[158]"):
        assert f"./usr/share/man/man{page.suffix[1:]}/{page.name}.gz" in held
