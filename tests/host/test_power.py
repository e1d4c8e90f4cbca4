"""The battery, as the kernel tells of it in files."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from appliance.core.keep_awake import Battery
from appliance.host.power import battery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such files")


@pytest.fixture
def supplies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil._pslinux, "POWER_SUPPLY_PATH", str(tmp_path))
    return tmp_path


def put(directory: Path, **files: str) -> None:
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_text(content + "\n")


async def test_a_machine_without_a_battery_has_none(supplies: Path) -> None:
    assert await battery() is None


@pytest.mark.parametrize(
    ("status", "online", "expected"),
    [
        ("Discharging", "0", Battery(19, is_plugged=False)),
        ("Charging", "1", Battery(19, is_plugged=True)),
        ("Full", "1", Battery(19, is_plugged=True)),
        ("Unknown", "0", Battery(19, is_plugged=False)),
    ],
)
async def test_charge_and_plug_are_read(
    supplies: Path, status: str, online: str, expected: Battery
) -> None:
    put(supplies / "BAT0", capacity="19", status=status, energy_now="19", energy_full="100")
    put(supplies / "AC", online=online)
    assert await battery() == expected


async def test_a_plug_that_cannot_be_told_is_taken_for_granted(supplies: Path) -> None:
    put(supplies / "BAT0", capacity="5", status="Unknown", energy_now="5", energy_full="100")
    assert await battery() == Battery(5, is_plugged=True)
