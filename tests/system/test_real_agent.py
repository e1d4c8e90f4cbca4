"""The main job under real units: the real CLI, behind its wall, through the only way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.system.installation import ALICE, FAR_SIDES, KEY, Installation
from tests.system.vm import Image

pytestmark = [pytest.mark.system, pytest.mark.real_cli, pytest.mark.timeout(900)]

MODEL = f"127.0.0.1:{FAR_SIDES['model']}"
MODEL_PLACE = ("127.0.0.1", FAR_SIDES["model"])
PROGRAM = "/opt/claude/claude"
SETTINGS = f"""
[claude]
program = "{PROGRAM}"
login = "claude-key"
api = "http://{MODEL}"
"""
SET_UP = f"""
cat >>/etc/dispatch/dispatch.toml <<'TOML'
{SETTINGS}
TOML
echo 'p, *, *, net, {MODEL}, allow' >/etc/dispatch/policies/model.csv
chgrp dispatch /etc/dispatch/policies/model.csv
printf %s {KEY} | dispatchctl credential set claude-key --stdin
dispatchctl project apply
dispatchctl agent status
systemctl restart dispatchd
"""
README = "/home/alice/demo/README.md"
TURNS = (
    Turn(
        "I will write it.",
        (Call("Write", {"file_path": README, "content": "hi\n"}),),
        says("write"),
    ),
    Turn("", (Call("Bash", {"command": "rm -f README.md; cat /proc/self/cgroup"}),), returned()),
    Turn("All **done** now.", when=returned()),
)


async def test_a_task_is_judged_held_and_answered(
    image: Image, tmp_path: Path, claude_program: Path
) -> None:
    async with Installation(image, tmp_path, *TURNS) as house:
        house.machine.copy_in({PROGRAM.lstrip("/"): claude_program})
        await house.sh(SET_UP, seconds=180)
        house.tg.user_says(ALICE, "/run write a readme")
        question = await house.reads("May this run?")
        assert "rm -f README.md" in question
        assert await house.sh(f"stat -c %U {README}") == "dispatch-agent"
        house.press("Approve")
        await house.reads("All done now.")
        records = await house.records()
        (started,) = (r for r in records if r["kind"] == "job.started")
        assert started["d"]["isolation"] == "unit"
        assert {r["d"]["passed"] for r in records if r["kind"] == "agent.tested"} == {True}
        connected = [r["d"] for r in records if r["kind"] == "connection.closed"]
        assert {(c["host"], c["port"]) for c in connected if c["job"] == 1} == {MODEL_PLACE}
        assert KEY not in str(records)
        # the project is looked at before the job, for its answer, and once more after that
        log = "dispatchctl audit log --json --limit 10000"
        await house.until(f"{log} | grep -c snapshot.taken | grep -qx 3")
        await house.until("! ps -u dispatch-agent -o args= | grep -v dispatch-task | grep -q .")
