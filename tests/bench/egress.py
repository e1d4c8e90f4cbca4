"""What the proxy costs: a connection through it against a direct one, in turn.

`python -m tests.bench.egress [CONNECTIONS]` runs it alone. Judging takes no time here: what the
policy costs is measured by itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from appliance.egress.wire import Limits
from tests.bench.table import MEBIBYTE, Row, Target, markdown
from tests.egress.real import STUB, program, task
from tests.egress.rig import Daemon, far_side

CONNECTIONS = 500
DOWNLOADS = 5
DOWNLOAD_BYTES = 100 * MEBIBYTE
PIECE = bytes(MEBIBYTE)
CLIENT = str(Path(__file__).with_name("egress_client.py"))


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds per connection and MiB per second, through the proxy and without it."""

    connections: dict[str, list[float]]
    downloads: dict[str, list[float]]


def rows(work: Path, connections: int = CONNECTIONS) -> list[Row]:
    """Start a proxy below `work` and measure it."""
    return asyncio.run(_rows(work, connections))


async def _rows(work: Path, connections: int) -> list[Row]:
    daemon = Daemon()
    async with (
        far_side(_serve) as host,
        program(work) as (path, process),
        task(path, daemon, Limits(burst=1_000_000)) as inside,
    ):
        daemon.allowed.add(host)
        proxy = psutil.Process(process.pid)
        idle = proxy.memory_info().rss
        found = await _measured(inside.egress.channel.fileno(), host, connections)
        busy = proxy.memory_info().rss
    proxied, direct = found.connections["proxied"], found.connections["direct"]
    return [
        Row("egress: connect → first byte (theirs: direct)", "ms", proxied, direct, Target(10)),
        Row(
            "egress: download of 100 MiB (theirs: direct)",
            "MiB/s",
            found.downloads["proxied"],
            found.downloads["direct"],
            Target(100, is_minimum=True),
        ),
        Row("egress: memory, idle", "MiB", [idle / MEBIBYTE], target=Target(20)),
        Row("egress: memory, afterwards", "MiB", [busy / MEBIBYTE]),
    ]


async def _measured(channel: int, host: str, connections: int) -> Measured:
    """The client has a process and a bridge of its own, on our network."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    counts = (str(connections), str(DOWNLOADS), str(DOWNLOAD_BYTES))
    client = await asyncio.create_subprocess_exec(
        *(*STUB, str(channel), str(port), sys.executable, CLIENT, str(port), host, *counts),
        pass_fds=[channel],
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await client.communicate()
    return Measured(**json.loads(output))


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As many bytes as the line says that comes."""
    left = int(await reader.readline())
    while left > 0:
        writer.write(PIECE[:left])
        left -= len(PIECE)
        await writer.drain()


def main() -> int:
    connections = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(markdown(rows(Path(work), connections)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
