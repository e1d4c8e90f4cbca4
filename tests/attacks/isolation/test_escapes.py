"""What a hostile agent tries from inside a task is refused, and works where there is no wall."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.app.attack.findings import BEYOND, Attempt
from appliance.app.attack.intruder import ATTACKS, GROUPS, PROXY
from appliance.core.model import Isolation
from tests.attacks.isolation.site import site
from tests.grounds import WALLS

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
    "find_a_way_to_the_internet",
    "mount_something",
    "read_the_environment_of_other_users",
    "read_through_the_root_of_the_first_process",
    "talk_to_the_hypervisor",
    "type_into_a_terminal",
    "use_the_calls_of_an_older_machine",
    "use_the_kernels_cryptography",
    "watch_the_processor",
}


NEEDS_A_WAY_OUT = {name for name, group in GROUPS.items() if group == PROXY}
"""Shown by the tests of dispatch-egress, and by those of `doctor --attack`."""


def worked(attempts: Sequence[Attempt]) -> set[str]:
    return {attempt.name for attempt in attempts if attempt.refused is False}


async def test_without_a_wall_the_attacks_work(tmp_path: Path) -> None:
    async with site(tmp_path, Isolation.NONE) as attacked:
        attempts = await attacked.attacked()
    missing = NOT_EVERY_MACHINE_HAS | NEEDS_A_WAY_OUT
    missing |= set() if os.geteuid() == 0 else NEEDS_ROOT
    failed = ATTACKS.keys() - worked(attempts) - missing
    assert [attempt for attempt in attempts if attempt.name in failed] == []
    assert failed == set()


@pytest.mark.parametrize("level", WALLS)
async def test_behind_a_wall_they_do_not(tmp_path: Path, level: Isolation) -> None:
    async with site(tmp_path, level) as attacked:
        attempts = await attacked.attacked()
    assert [attempt.name for attempt in attempts] == list(ATTACKS)
    assert worked(attempts) == BEYOND.get(level, frozenset())
    assert {a.name for a in attempts if a.refused is None} == NEEDS_A_WAY_OUT
