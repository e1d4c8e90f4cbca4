"""Real programs work from a task that has no network but the proxy: Claude Code, git, pip, npm.

Their far sides are on this machine's loopback, which a literal address in a grant allows.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.egress.real import HAS_BUBBLEWRAP, program, task
from tests.egress.rig import DENIED, Daemon
from tests.emulators.anthropic import Anthropic, Turn

pytestmark = pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="SKIPPED: bubblewrap is not here")

NAMES = "IP:127.0.0.1,DNS:localhost"
"""npm looks for the second one when an address is behind a proxy."""
OPENSSL = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", f"subjectAltName={NAMES}"),
)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    directory = tmp_path_factory.mktemp("identity")
    found = directory / "certificate.pem", directory / "key.pem"
    command = [*OPENSSL, "-out", str(found[0]), "-keyout", str(found[1])]
    subprocess.run(command, check=True, capture_output=True)
    return found


def tls(identity: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity)
    return context


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a word."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def files(directory: Path, identity: tuple[Path, Path]) -> Iterator[str]:
    """A web server with TLS; its `host:port`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(directory)))
    server.socket = tls(identity).wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@asynccontextmanager
async def behind_tls(url: str, identity: tuple[Path, Path]) -> AsyncIterator[str]:
    """The same far side with TLS in front; its `host:port`."""
    host, _, port = url.removeprefix("http://").partition(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, behind = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, behind), pump(inside, writer), return_exceptions=True)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls(identity))
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# --- Claude Code


CLAUDE = {
    "ANTHROPIC_API_KEY": "sk-test",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "DISABLE_AUTOUPDATER": "1",
}
HELLO = ("-p", "say hello", "--output-format", "json")


@pytest.mark.real_cli
async def test_claude_code_reaches_an_api_without_tls(tmp_path: Path, claude_program: Path) -> None:
    daemon = Daemon()
    async with (
        Anthropic(Turn("hello from the far side")) as api,
        program(tmp_path) as (path, _),
        task(path, daemon) as inside,
    ):
        daemon.allowed.add(api.url.removeprefix("http://"))
        found = await inside.run(
            *(str(claude_program), *HELLO),
            **CLAUDE,
            HOME=str(tmp_path),
            ANTHROPIC_BASE_URL=api.url,
        )
    assert json.loads(found.output)["result"] == "hello from the far side"
    assert api.requests[0].key == "sk-test"
    assert set(daemon.asked) == daemon.allowed


@pytest.mark.real_cli
async def test_claude_code_reaches_an_api_with_tls(
    tmp_path: Path, claude_program: Path, identity: tuple[Path, Path]
) -> None:
    daemon = Daemon()
    async with (
        Anthropic(Turn("hello from the far side")) as api,
        behind_tls(api.url, identity) as host,
        program(tmp_path) as (path, _),
        task(path, daemon) as inside,
    ):
        daemon.allowed.add(host)
        found = await inside.run(
            *(str(claude_program), *HELLO),
            **CLAUDE,
            HOME=str(tmp_path),
            ANTHROPIC_BASE_URL=f"https://{host}",
            NODE_EXTRA_CA_CERTS=str(identity[0]),
        )
    assert json.loads(found.output)["result"] == "hello from the far side"
    assert host in daemon.asked


@pytest.mark.real_cli
async def test_claude_code_says_that_its_api_was_refused(
    tmp_path: Path, claude_program: Path
) -> None:
    daemon = Daemon()
    async with program(tmp_path) as (path, _), task(path, daemon) as inside:
        found = await inside.run(
            *(str(claude_program), *HELLO),
            **CLAUDE,
            HOME=str(tmp_path),
            ANTHROPIC_BASE_URL="http://127.0.0.1:9",
        )
    assert found.status == 1
    assert DENIED in json.loads(found.output)["result"]


# --- git


async def test_git_clones_over_tls(tmp_path: Path, identity: tuple[Path, Path]) -> None:
    served = tmp_path / "served"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=m")
    for command in (
        [*git, "init", "-q", str(served / "work")],
        [*git, "-C", str(served / "work"), "commit", "-q", "--allow-empty", "-m", "first"],
        [*git, "clone", "-q", "--bare", str(served / "work"), str(served / "bare.git")],
        [*git, "-C", str(served / "bare.git"), "update-server-info"],
    ):
        subprocess.run(command, check=True)
    daemon = Daemon()
    with files(served, identity) as host:
        async with program(tmp_path) as (path, _), task(path, daemon) as inside:
            clone = ("git", "clone", f"https://{host}/bare.git", str(tmp_path / "clone"))
            refused = await inside.run(*clone, GIT_SSL_CAINFO=str(identity[0]))
            daemon.allowed.add(host)
            found = await inside.run(*clone, GIT_SSL_CAINFO=str(identity[0]))
    assert refused.status != 0
    assert "response 403" in refused.output
    assert found.status == 0, found.output
    log = ["git", "-C", str(tmp_path / "clone"), "log", "--format=%s"]
    assert subprocess.run(log, check=True, capture_output=True).stdout == b"first\n"


# --- pip


def wheel(directory: Path) -> Path:
    """A package with nothing in it."""
    info = "leaf-1.0.dist-info"
    contents = {
        "leaf.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = directory / "leaf-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


async def test_pip_downloads_over_tls(tmp_path: Path, identity: tuple[Path, Path]) -> None:
    index = tmp_path / "served" / "simple" / "leaf"
    index.mkdir(parents=True)
    (index / "index.html").write_text(f'<a href="{wheel(index).name}">leaf</a>')
    daemon = Daemon()
    with files(tmp_path / "served", identity) as host:
        async with program(tmp_path) as (path, _), task(path, daemon) as inside:
            pip = (
                *(sys.executable, "-m", "pip", "--isolated", "--retries", "1", "download"),
                *("--no-deps", "--no-cache-dir", "--dest", str(tmp_path / "got")),
                *("--cert", str(identity[0]), "--index-url", f"https://{host}/simple/", "leaf"),
            )
            refused = await inside.run(*pip, HOME=str(tmp_path))
            daemon.allowed.add(host)
            found = await inside.run(*pip, HOME=str(tmp_path))
    assert refused.status != 0
    assert DENIED in refused.output
    assert found.status == 0, found.output
    assert [p.name for p in (tmp_path / "got").iterdir()] == ["leaf-1.0-py3-none-any.whl"]


# --- npm


async def test_npm_views_and_installs_over_tls(tmp_path: Path, identity: tuple[Path, Path]) -> None:
    if shutil.which("npm") is None:
        why = "SKIPPED: npm is not on this machine"
        if os.getenv("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    served = tmp_path / "served"
    served.mkdir()
    daemon = Daemon()
    with files(served, identity) as host:
        (served / "leaf").write_text(json.dumps(npm_package(served, host)))
        async with program(tmp_path) as (path, _), task(path, daemon) as inside:
            told = {
                "HOME": str(tmp_path),
                "npm_config_registry": f"https://{host}/",
                "npm_config_cafile": str(identity[0]),
                "npm_config_fetch_retries": "0",
                "npm_config_userconfig": "/dev/null",
                "npm_config_update_notifier": "false",
                "npm_config_audit": "false",
            }
            refused = await inside.run("npm", "view", "leaf", "version", **told)
            daemon.allowed.add(host)
            viewed = await inside.run("npm", "view", "leaf", "version", **told)
            installed = await inside.run(
                "npm", "install", "--prefix", str(tmp_path / "got"), "leaf", **told
            )
    assert refused.status != 0
    assert "403" in refused.output
    assert viewed.output == "1.0.0\n"
    assert installed.status == 0, installed.output
    assert (tmp_path / "got" / "node_modules" / "leaf" / "package.json").exists()


def npm_package(directory: Path, host: str) -> dict[str, object]:
    """What a registry says about a package whose archive is written there."""
    manifest = json.dumps({"name": "leaf", "version": "1.0.0"}).encode()
    with tarfile.open(directory / "leaf-1.0.0.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(manifest)
        archive.addfile(entry, io.BytesIO(manifest))
    digest = hashlib.sha512((directory / "leaf-1.0.0.tgz").read_bytes()).digest()
    dist = {
        "tarball": f"https://{host}/leaf-1.0.0.tgz",
        "integrity": f"sha512-{base64.b64encode(digest).decode()}",
    }
    return {
        "name": "leaf",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {"name": "leaf", "version": "1.0.0", "dist": dist}},
    }
