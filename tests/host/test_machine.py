"""Facts about this machine."""

from __future__ import annotations

import psutil

from appliance.host.machine import boot_id, free_memory, host_name


def test_a_boot_has_one_id() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) >= 10


def test_the_name_is_short() -> None:
    assert host_name()
    assert "." not in host_name()


def test_some_memory_is_free_and_less_than_there_is() -> None:
    assert 0 < free_memory() < psutil.virtual_memory().total
