"""What everything behind port `Inhibitor` promises.

The real logind is asked when DISPATCH_TEST_LOGIND says that there is one to be asked:
`tests/system/test_keep_awake.py` boots one and runs this file beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.host.inhibit import (
    ALL_SLEEP,
    LID,
    CommandInhibitor,
    LogindInhibitor,
    caffeinate,
    systemd_inhibit,
)
from appliance.ports import Inhibitor
from tests.fakes_inhibitor import FakeInhibitor
from tests.host import commands_on_path

LEASE_SECONDS = 60.0
NEEDS_LOGIND = pytest.mark.skipif(
    os.getenv("DISPATCH_TEST_LOGIND") is None, reason="tests/system/test_keep_awake.py brings one"
)
REAL = ("logind", "real systemd-inhibit")


@pytest.fixture(
    params=[
        "fake",
        "systemd-inhibit",
        "caffeinate",
        *(pytest.param(name, marks=NEEDS_LOGIND) for name in REAL),
    ]
)
def inhibitor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Inhibitor:
    if request.param == "fake":
        return FakeInhibitor()
    if request.param not in REAL:
        commands_on_path.install(
            tmp_path,
            monkeypatch,
            systemd_inhibit=commands_on_path.SCRIPT,
            caffeinate=commands_on_path.SCRIPT,
        )
    what = f"{ALL_SLEEP}:{LID}"
    if request.param == "logind":
        return LogindInhibitor(what, LEASE_SECONDS)
    if request.param == "caffeinate":
        return CommandInhibitor("caffeinate", caffeinate, LEASE_SECONDS)
    return CommandInhibitor("systemd-inhibit", systemd_inhibit(what), LEASE_SECONDS)


async def test_a_hold_lasts_while_it_is_renewed(inhibitor: Inhibitor) -> None:
    hold = await inhibitor.hold("job 12")
    for _ in range(3):
        assert await hold.renew()
    await hold.release()


async def test_a_released_hold_cannot_be_renewed(inhibitor: Inhibitor) -> None:
    hold = await inhibitor.hold("job 12")
    await hold.release()
    assert not await hold.renew()


async def test_a_hold_may_be_released_twice(inhibitor: Inhibitor) -> None:
    hold = await inhibitor.hold("job 12")
    await hold.release()
    await hold.release()


async def test_two_holds_know_nothing_of_each_other(inhibitor: Inhibitor) -> None:
    old = await inhibitor.hold("job 12")
    new = await inhibitor.hold("jobs 12, 13")
    await old.release()
    assert await new.renew()
    await new.release()


async def test_a_reason_may_hold_any_character(inhibitor: Inhibitor) -> None:
    hold = await inhibitor.hold("jobs 12, 13; until 18:00 for zoë --why='x' $HOME")
    assert await hold.renew()
    assert hold.shortfall == ""
    await hold.release()


async def test_how_it_is_done_has_a_name(inhibitor: Inhibitor) -> None:
    assert inhibitor.means
