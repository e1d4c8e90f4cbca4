"""Facts about this machine."""

from __future__ import annotations

from appliance.host.machine import boot_id, host_name


def test_a_boot_has_one_id() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) >= 10


def test_the_name_is_short() -> None:
    assert host_name()
    assert "." not in host_name()
