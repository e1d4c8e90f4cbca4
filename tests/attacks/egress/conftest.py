"""A machine with an internet of its own, in a network namespace; tasks in others.

Addresses of the internet (93.184.216.0/24) and a metadata service (169.254.169.254) lead to one
server, a public address (151.101.1.1) is the machine's own. Names are looked up in its hosts file,
by the real resolver.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from appliance.egress.wire import Limits
from tests.egress.real import PROGRAM, Task, program, task
from tests.egress.rig import Daemon

HOSTS = """\
93.184.216.34 public.example
93.184.216.35 other.example
10.0.0.7 inside.example
169.254.169.254 metadata.example
127.0.0.1 loop.example localtest.example
151.101.1.1 ourselves.example
93.184.216.34 mixed.example
10.0.0.7 mixed.example
"""
MACHINE = """
set -e
ip link set lo up
ip addr add 192.168.77.1/32 dev lo
ip addr add 151.101.1.1/32 dev lo
for net in 93.184.216.0/24 169.254.169.254/32 10.0.0.7/32; do
    ip route add local $net dev lo src 192.168.77.1
done
mount --bind "$1" /etc/hosts
shift
"$1" "$2"
shift 2
exec "$@"
"""
UNSHARE = ("unshare", "--net", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))


@dataclass(frozen=True, slots=True)
class Machine:
    """A running dispatch-egress with its world around it."""

    path: Path
    egress: psutil.Process

    def task(
        self, daemon: Daemon, limits: Limits | None = None
    ) -> AbstractAsyncContextManager[Task]:
        return task(self.path, daemon, limits)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    can = (
        all(map(shutil.which, ("ip", "unshare", "bwrap")))
        and not subprocess.run([*UNSHARE, "true"], capture_output=True).returncode
    )
    if not can:
        why = "NO NETWORK NAMESPACES HERE: install iproute2 and bubblewrap, allow user namespaces"
        if os.getenv("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    internet = str(Path(__file__).with_name("internet_stub.py"))
    around = (*UNSHARE, "sh", "-c", MACHINE, "machine", str(hosts), PROGRAM[0], internet)
    async with program(tmp_path, around=around, uid=0) as (path, process):
        yield Machine(path, psutil.Process(process.pid))
