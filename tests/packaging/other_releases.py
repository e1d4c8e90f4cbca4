"""The package on the other systems it is for: built there, the same twice, and lived through.

`make test-releases`: ten minutes and a network, so it is not part of `make test`. Each system is
made from its own packages, in a directory; no systemd runs in it. For Ubuntu the keys of its
archive have to be here: `apt install ubuntu-keyring`, or the file itself.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.systems import record
from tests.packaging import built
from tests.packaging.programs import ROOT, program
from tests.system.debian import make_root

pytestmark = pytest.mark.timeout(3600)

RELEASES = {"trixie": "3.13", "noble": "3.12"}
"""Debian 13 and Ubuntu 24.04, and the Python that each has."""
UBUNTU_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")

TOOLS = (
    "apparmor,apt,bubblewrap,build-essential,ca-certificates,debhelper,git,make,po-debconf,procps,"
    "python3,systemd"
)
CHECKOUT = (*program("deb").SOURCES, "Makefile")
NETWORK = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
"""How this host reaches the packages of Python."""

INSIDE = r"""
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive /bin/bash -euo pipefail -c "$2"
"""
IMPORTED = """
cd /usr/lib/dispatch-appliance
for module in app.wiring app.dispatchctl app.dispatch_audit app.dispatch_egress task.launcher; do
    python3 -c "import appliance.$module"
done
"""
NEW_PYTHON = "/usr/share/python3/runtime.d/dispatch-appliance.rtupdate rtupdate python3.11 python3"
"""What the system does when it goes on to another Python."""
COMPILED = "/usr/lib/dispatch-appliance/appliance/app/__pycache__/wiring.cpython-*.pyc"
UNITS = "dispatch.target dispatchd.service dispatch-audit.service dispatch-task@1.service"
OF_OTHERS = (
    "/run/",
    "/tmp/",
    "/var/cache/",
    "/var/log/",
    "/var/lib/dpkg/",
    "/var/lib/apt/",
    "/etc/.pwd",
)


class System:
    """A release in a directory. Commands in it raise AssertionError with what they said."""

    def __init__(self, root: Path, release: str) -> None:
        self.root = root
        self.release = release

    def sh(self, script: str) -> str:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", INSIDE]
        done = subprocess.run(
            [*command, "sh", str(self.root), script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout.strip()

    def copy_in(self, source: Path, place: str) -> None:
        target = self.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(source, target)

    def files(self) -> set[str]:
        found = self.sh("find / -xdev -not -path '/build/*' -not -path '/proc/*'").splitlines()
        return {path for path in found if not path.startswith(OF_OTHERS)}


@pytest.fixture(scope="module", params=RELEASES)
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name = request.param
    if name == "noble" and not UBUNTU_KEYS.exists():
        pytest.skip(f"THE KEYS OF UBUNTU'S ARCHIVE ARE NOT HERE: {UBUNTU_KEYS}")
    root = tmp_path_factory.mktemp(name) / "root"
    make_root(root, TOOLS, *(["--components=main,universe"] if name == "noble" else []), other=name)
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink()
    system = System(root, name)
    for file in NETWORK:
        if Path(file).exists():
            system.copy_in(Path(file).resolve(), file.lstrip("/"))
    version = system.sh("python3 -c 'import sys; print(sys.version)'")
    assert version.startswith(f"{RELEASES[name]}.")
    yield system
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def package(system: System) -> str:
    """What `make deb` has built there, from a bare checkout."""
    deb = program("deb")
    for name in ("Makefile", *deb.SOURCES, *deb.FILES):
        system.copy_in(ROOT / name, f"build/{name}")
    system.sh("cd /build && make deb >&2; ls /build/build/*.deb")
    return system.sh("ls /build/build/*.deb")


def test_it_is_built_there_and_is_the_same_twice(system: System, package: str) -> None:
    again = "/build/elsewhere and longer"
    system.sh(f"cd /build && umask 077 && .venv/bin/python packaging/deb.py amd64 '{again}'")
    name = Path(package).name
    digests = system.sh(f"sha256sum <{package}; sha256sum <'{again}/{name}'").splitlines()
    assert digests[0] == digests[1]


@pytest.mark.parametrize("builder", ["there", "here"])
def test_it_is_installed_runs_and_leaves_nothing(
    system: System, package: str, builder: str
) -> None:
    if builder == "here":
        system.copy_in(built.package(), "build/here.deb")
        package = "/build/here.deb"
    before = system.files()
    began = time.monotonic()
    said = system.sh(f"apt-get -qq -y install --no-install-recommends {package} 2>&1")
    seconds = time.monotonic() - began
    record(ROOT / "build", f"package: install time, {system.release}", "s", seconds)
    assert "nothing of it runs. Next: dispatchctl setup" in said
    assert system.sh("dispatchctl --version") == "dispatchctl 0.1.0"
    system.sh("dispatchctl config example >/etc/dispatch/example.toml")
    system.sh(IMPORTED)
    system.sh(f"systemd-analyze verify --man=no {UNITS}")
    system.sh(f"{NEW_PYTHON} && test -e {COMPILED}")
    assert system.sh("readlink /etc/apparmor.d/dispatch-task").startswith("/usr/share/")
    system.sh("apparmor_parser --skip-kernel-load --skip-cache /etc/apparmor.d/dispatch-task")
    system.sh("apt-get -qq -y purge dispatch-appliance && apt-get -qq -y autoremove --purge")
    assert system.files() - before == set()
