"""Part of `make test-image`: the container image, built, unpacked and started with runc.

Neither Docker nor podman takes part: runc is given the configuration that they would make of the
image's own and of `compose.yaml`. The network is this host's, where the Bot API emulator is.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.emulators.telegram import TelegramEmulator
from tests.packaging import built
from tests.packaging.image.modules import module
from tests.packaging.programs import ROOT

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

make_oci = module("make_oci")

NAME = "dispatch-appliance-test"
TOKEN = "123456:TEST"
ALICE = 4711
CAPABILITIES = [
    f"CAP_{x}" for x in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")
]
TEMPORARY = (
    *("/tmp", "/run", "/etc/systemd/system", "/var/lib/dispatch-canary"),
    *("/var/lib/dispatch-workspace", "/var/lib/dispatch-inbox"),
)
WAIT_SECONDS = 120.0
ANSWERS = """
[telegram]
token_file = "/srv/token"
api = "{api}"

[users.alice]
unix = [0]
telegram = [4711]

[projects.demo]
path = "/srv/demo"
grant = true
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The archive, as `make oci` writes it."""
    missing = [name for name in (*make_oci.NEEDED, "runc") if shutil.which(name) is None]
    if missing or os.geteuid():
        pytest.skip(f"CANNOT START A CONTAINER HERE: {missing or 'not root'}")
    place = ROOT / "build" / "oci-test"
    shutil.rmtree(place, ignore_errors=True)
    archive, _ = make_oci.build(built.package(), place)
    yield archive
    shutil.rmtree(place)


class Bundle:
    """The image unpacked, and volumes that stay."""

    def __init__(self, archive: Path, place: Path) -> None:
        self.place = place
        self.settings = unpack(archive, place / "rootfs")
        for volume in self.settings["Volumes"]:
            inside = place / "rootfs" / volume.lstrip("/")
            shutil.copytree(inside, place / "volumes" / volume.lstrip("/"), symlinks=True)
        (place / "volumes/srv").chmod(0o755)

    def volume(self, path: str) -> Path:
        return self.place / "volumes" / path.lstrip("/")

    def command(self, *command: str, name: str = NAME) -> list[str]:
        """What starts a container in this bundle; with a command, that instead of the programs."""
        self._configure([*self.settings["Entrypoint"], *command])
        return ["runc", "run", f"--bundle={self.place}", name]

    def run(self, *command: str) -> str:
        argv = self.command(*command, name=f"{NAME}-once")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_SECONDS)
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def _configure(self, argv: list[str]) -> None:
        (self.place / "config.json").unlink(missing_ok=True)
        subprocess.run(["runc", "spec"], cwd=self.place, check=True)
        spec = json.loads((self.place / "config.json").read_text())
        spec["process"] |= {"terminal": False, "args": argv, "env": self.settings["Env"]}
        spec["process"]["capabilities"] = dict.fromkeys(
            ("bounding", "effective", "permitted"), CAPABILITIES
        )
        spec["process"]["rlimits"] = []
        spec["mounts"] = [x for x in spec["mounts"] if x["type"] != "cgroup"]
        spec["root"] = {"path": "rootfs", "readonly": True}
        spec["mounts"] += [
            {
                "destination": path,
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "nodev", "mode=1777" if path == "/tmp" else "mode=755"],
            }
            for path in TEMPORARY
        ]
        spec["mounts"] += [
            {
                "destination": path,
                "type": "bind",
                "source": str(self.volume(path)),
                "options": ["bind"],
            }
            for path in self.settings["Volumes"]
        ]
        kinds = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
        spec["linux"]["namespaces"] = kinds  # the network is this host's
        spec["linux"].pop("resources", None)
        (self.place / "config.json").write_text(json.dumps(spec))


def unpack(archive: Path, target: Path) -> dict[str, Any]:
    """The only layer, and the image's settings."""
    with tarfile.open(archive) as tar:
        found = {x.name: x for x in tar.getmembers()}

        def blob(described: dict[str, Any]) -> Any:
            return tar.extractfile(found[described["digest"].replace("sha256:", "blobs/sha256/")])

        index = json.load(tar.extractfile(found["index.json"]))  # type: ignore[arg-type]
        manifest = json.load(blob(index["manifests"][0]))
        settings: dict[str, Any] = json.load(blob(manifest["config"]))["config"]
        target.mkdir(parents=True)
        unpacking = ["tar", "-xzpf", "-", "--numeric-owner", "-C", str(target)]
        with subprocess.Popen(unpacking, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            shutil.copyfileobj(blob(manifest["layers"][0]), process.stdin)
        assert process.returncode == 0
    return settings


class Container:
    """The programs, running."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        log = (self._bundle.place / "log").open("ab")
        with log:
            command = self._bundle.command()
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await self.until("dispatchctl", "status")

    async def stop(self) -> int:
        assert self._process is not None
        subprocess.run(["runc", "kill", NAME, "TERM"], check=True)
        return await self._process.wait()

    async def until(self, *command: str) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                done = await asyncio.to_thread(self.does, *command)
                if done.returncode == 0:
                    return done.stdout
                assert self._process is not None
                log = (self._bundle.place / "log").read_text()
                assert self._process.returncode is None, log
                await asyncio.sleep(0.5)

    def does(self, *command: str) -> subprocess.CompletedProcess[str]:
        argv = ["runc", "exec", NAME, *command]
        return subprocess.run(argv, capture_output=True, text=True)


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(TOKEN) as emulator:
        yield emulator


async def test_it_is_set_up_runs_says_its_isolation_and_keeps_its_state(
    image: Path, tmp_path: Path, telegram: TelegramEmulator
) -> None:
    bundle = Bundle(image, tmp_path)
    projects = bundle.volume("/srv")
    (projects / "demo").mkdir()
    (projects / "demo/Makefile").write_text("test:\n\t@id -un\n")
    subprocess.run(["git", "init", "--quiet", str(projects / "demo")], check=True)
    (projects / "token").write_text(TOKEN)
    (projects / "answers.toml").write_text(ANSWERS.format(api=telegram.url))
    argv = bundle.command()
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True)
    assert "nobody is named" in done.stderr, done.stderr
    said = await asyncio.to_thread(
        bundle.run, "dispatchctl", "setup", "--answers", "/srv/answers.toml"
    )
    assert "the token is kept, in a file that only its owner reads" in said
    container = Container(bundle)
    await container.start()
    try:
        users = container.does("ps", "-eo", "user:20=,comm=").stdout
        for user in ("dispatch", "dispatch-audit", "dispatch-egress"):
            assert user in users.split(), users
        doctor = json.loads(container.does("dispatchctl", "doctor", "--json").stdout)
        isolation = next(x for x in doctor["checks"] if x["name"] == "isolation")
        assert not isolation["found"].startswith("unit"), isolation
        if isolation["outcome"] != "fail":
            await a_task_runs_as_the_agents_user(telegram)
        assert "intact" in await container.until("dispatchctl", "audit", "verify")
    finally:
        assert await container.stop() == 0
    await container.start()
    try:
        assert "alice" in await container.until("dispatchctl", "users", "list")
    finally:
        assert await container.stop() == 0


async def a_task_runs_as_the_agents_user(telegram: TelegramEmulator) -> None:
    """`make test` of the project says who it is."""
    telegram.user_says(ALICE, "/test")
    async with asyncio.timeout(WAIT_SECONDS), telegram.changed:
        await telegram.changed.wait_for(
            lambda: any("dispatch-agent" in str(x) and "✓ done" in str(x) for x in sent(telegram))
        )


def sent(telegram: TelegramEmulator) -> list[str]:
    """All that was said, as one text for each moment."""
    return ["\n".join(str(m.get("text") or m.get("caption")) for m in telegram.sent(ALICE))]


async def test_the_same_packages_give_the_same_digest(image: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    again, _ = await asyncio.to_thread(make_oci.build, built.package(), tmp_path / "again")
    assert again.read_bytes() == image.read_bytes()
