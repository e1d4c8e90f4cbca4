"""A unit is looked at, not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.task import unit

STATUS = "Name:\tx\nCapInh:\t0\nCapPrm:\t0\nCapEff:\t0\nCapBnd:\t1ff\nCapAmb:\t0\nNoNewPrivs:\t1\n"
DEVICES = "Inter-|   Receive\n face |bytes\n    lo: 0 0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "net/dev").write_text(DEVICES)
    return tmp_path


def test_a_unit_without_privileges_and_with_loopback_only_is_one(proc: Path) -> None:
    assert unit.shortfall(proc) == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("NoNewPrivs:\t0", "lacks NoNewPrivileges=yes"),
        ("CapEff:\t2000", "leaves capabilities"),
        ("CapPrm:\t1", "leaves capabilities"),
        ("CapAmb:\t1", "leaves capabilities"),
    ],
)
def test_privileges_are_seen(proc: Path, line: str, why: str) -> None:
    name = line.partition(":")[0]
    changed = [line if found.startswith(name) else found for found in STATUS.splitlines()]
    (proc / "status").write_text("\n".join(changed))
    assert why in unit.shortfall(proc)


@pytest.mark.parametrize("more", ["  eth0: 0 0\n", " host0: 0 0\n"])
def test_a_network_is_seen(proc: Path, more: str) -> None:
    (proc / "net/dev").write_text(DEVICES + more)
    assert "lacks PrivateNetwork=yes" in unit.shortfall(proc)


def test_what_cannot_be_looked_at_is_no_unit(tmp_path: Path) -> None:
    assert "cannot be looked at" in unit.shortfall(tmp_path)
    (tmp_path / "net").mkdir()
    (tmp_path / "net/dev").write_text(DEVICES)
    (tmp_path / "status").write_text("Name:\tx\n")
    assert unit.shortfall(tmp_path) != ""


def test_a_control_group_that_counts_nothing_is_none(tmp_path: Path) -> None:
    listed = tmp_path / "cgroup"
    assert unit.control_group(listed) is None
    listed.write_text("9:name=systemd:/\n0::/no/such/group\n")
    assert unit.control_group(listed) is None
