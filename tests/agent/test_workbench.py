"""What a workbench's programs cannot do; what every workbench promises is in `contracts`."""

from __future__ import annotations

import pytest

from appliance.agent import workbench
from appliance.agent.workbench import TaskWorkbench
from appliance.core.model import Isolation
from appliance.errors import SandboxRefused
from tests.grounds import HAS_BUBBLEWRAP, Grounds

walled = pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="no bubblewrap here")


@walled
async def test_its_programs_have_no_network_and_see_no_other_place(grounds: Grounds) -> None:
    walled = grounds.walled().with_projects(unsafe_host_network=False)
    script = "cat /proc/net/dev; ls -A /root /home 2>/dev/null; true"
    bench = TaskWorkbench(walled.link(), Isolation.BUBBLEWRAP)
    output = await bench.run(grounds.project, ["sh", "-c", script])
    interfaces = [line.split(":")[0].strip() for line in output.stdout.decode().splitlines()[2:]]
    assert interfaces == ["lo"]


async def test_what_it_says_beside_its_output_has_an_end(grounds: Grounds) -> None:
    bench = TaskWorkbench(grounds.link(), Isolation.NONE)
    script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done"
    output = await bench.run(grounds.project, ["sh", "-c", script])
    assert output.stdout == b"done\n"
    assert output.stderr == "x" * workbench.MAX_WORDS


async def test_without_the_wall_that_is_wanted_nothing_runs(grounds: Grounds) -> None:
    bench = TaskWorkbench(grounds.link(), Isolation.UNIT)
    with pytest.raises(SandboxRefused):
        await bench.run(grounds.project, ["true"])
