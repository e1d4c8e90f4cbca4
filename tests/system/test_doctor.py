"""What doctor says of the installed appliance, and what a hostile task can do in its unit."""

from __future__ import annotations

import json

import pytest

from tests.system.installation import Installation

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

UNTRIED = {"reach a private address by a granted name", "connect to a port by ipv6"}


async def test_nothing_is_wrong_with_what_was_installed(house: Installation) -> None:
    await house.ready()
    found = json.loads(await house.sh("dispatchctl doctor --json"))["checks"]
    assert [check for check in found if check["outcome"] == "fail"] == []
    passed = {check["name"] for check in found if check["outcome"] == "pass"}
    assert {"units", "task socket", "egress", "drop-ins", "project", "files"} <= passed, found


async def test_a_socket_that_others_may_connect_to_is_seen(house: Installation) -> None:
    await house.sh("chmod 666 /run/dispatch-task/socket")
    said = await house.sh("dispatchctl doctor || true")
    assert "others can start tasks" in said


async def test_every_attempt_from_inside_a_task_is_refused(house: Installation) -> None:
    # what is not there cannot be guarded, so it is not tried
    await house.sh("install -d -o alice /home/alice/demo/.claude; dispatchctl project apply")
    found = json.loads(await house.sh("dispatchctl doctor --attack --json || true", seconds=300))
    assert found["isolation"] == "unit"
    worked = [a for a in found["attempts"] if a["result"] == "worked"]
    assert worked == []
    untried = {a["name"] for a in found["attempts"] if a["result"] == "not tried"}
    assert untried <= UNTRIED, found["attempts"]
