"""What a hostile agent tries from inside a task is refused, and works where there is no wall."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.core.model import Isolation
from tests.attacks.isolation.intruder import ATTACKS
from tests.attacks.isolation.site import site
from tests.grounds import WALLS

LIMITS = {
    Isolation.BUBBLEWRAP: set[str](),
    Isolation.LANDLOCK: {
        "change_the_agents_settings",
        "change_the_git_configuration",
        "open_a_file_outside_to_everybody",
        "plant_a_git_hook",
        "read_the_command_line_of_the_daemon",
        "swap_the_git_directory",
    },
}
"""What a wall cannot refuse, as its description says (`landlock.SHORTFALL`)."""

NEEDS_ROOT = {
    "become_somebody_else",
    "change_the_root",
    "handle_page_faults",
    "have_capabilities",
    "load_a_bpf_program",
    "make_a_network_namespace",
    "make_packets",
    "mount_by_the_newer_calls",
    "open_a_device",
    "read_packets",
    "unmount_a_wall",
    "watch_the_processor",
    "write_the_system",
}
NOT_EVERY_MACHINE_HAS = {
    "connect_by_multipath_tcp",
    "connect_to_a_port_by_ipv6",
    "make_a_user_namespace",
    "make_a_user_namespace_by_clone",
    "make_an_io_uring",
    "mount_something",
    "read_through_the_root_of_the_first_process",
    "talk_to_the_hypervisor",
    "type_into_a_terminal",
    "use_the_calls_of_an_older_machine",
    "use_the_kernels_cryptography",
    "watch_the_processor",
}


def done(findings: dict[str, str]) -> set[str]:
    return {name for name, outcome in findings.items() if outcome == "done"}


async def test_without_a_wall_the_attacks_work(tmp_path: Path) -> None:
    async with site(tmp_path, Isolation.NONE) as attacked:
        findings = await attacked.attacked()
    missing = NOT_EVERY_MACHINE_HAS | (set() if os.geteuid() == 0 else NEEDS_ROOT)
    failed = ATTACKS.keys() - done(findings) - missing
    assert {name: findings[name] for name in failed} == {}


@pytest.mark.parametrize("level", WALLS)
async def test_behind_a_wall_they_do_not(tmp_path: Path, level: Isolation) -> None:
    async with site(tmp_path, level) as attacked:
        findings = await attacked.attacked()
    assert findings.keys() == ATTACKS.keys()
    assert done(findings) == LIMITS[level]
