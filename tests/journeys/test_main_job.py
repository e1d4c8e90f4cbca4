"""The main job, end to end, on real parts: real CLI, real aiogram client, real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import ALICE, KEY, STRANGER, TOKEN, House

pytestmark = pytest.mark.real_cli


def work(project: Path) -> tuple[Turn, ...]:
    """Read a file, edit it, run an allowed command, then try to destroy something."""
    readme = str(project / "README.md")
    edit = {"file_path": readme, "old_string": "hello", "new_string": "goodbye"}
    return (
        Turn("I will look.", (Call("Read", {"file_path": readme}),), says("tidy up"), times=9),
        Turn("Now I change it.", (Call("Edit", edit),), returned("hello from"), times=9),
        Turn("", (Call("Bash", {"command": "git status --short"}),), returned("updated"), times=9),
        Turn("", (Call("Bash", {"command": "rm -rf build"}),), returned("README"), times=9),
        Turn("I left the build alone.", when=returned("refused by me"), times=9),
        Turn("All **tidy** now.", when=returned(), times=9),
    )


async def test_a_task_is_judged_held_denied_and_answered(
    tmp_path: Path, claude_program: Path
) -> None:
    (tmp_path / "project/build").mkdir(parents=True)
    async with House(tmp_path, claude_program, *work(tmp_path / "project")) as house:
        house.tg.user_says(ALICE, "/run tidy up")
        await house.reads("Job 1 started")
        question = await house.reads("May this run?")
        assert "rm -rf build" in question
        assert "rules.csv:" in question
        assert (house.project / "build").exists()

        house.tg.user_says(STRANGER, "let me in")
        stranger = house.press("Approve", user=STRANGER)
        house.press("Deny")
        await house.reads("I left the build alone.")
        await house.reads("✗ Denied by me")
        await house.reads("Job 1 ✓ done")

        assert (house.project / "build").exists()
        assert (house.project / "README.md").read_text().startswith("goodbye")
        assert house.tg.clicks[stranger] is None
        assert house.texts(STRANGER) == []

        (house.project / "README.md").write_text("hello from the project\n")
        house.tg.user_says(ALICE, "/run tidy up")
        await house.reads("May this run?")
        house.press("Approve")
        await house.reads("All tidy now.")
        await house.reads("✓ Allowed by me")
        assert not (house.project / "build").exists()

        assert await house.stop() == 0
        log = house.records()
        kinds = [record["kind"] for record in log]
        for kind in (
            "agent.tested",
            "message.received",
            "job.queued",
            "job.started",
            "tool.started",
            "tool.finished",
            "approval.asked",
            "approval.refused",
            "approval.given",
            "job.finished",
            "message.ignored",
            "daemon.stopped",
        ):
            assert kind in kinds, kind
        given = next(record for record in log if record["kind"] == "approval.given")
        assert given["actor"] == {"type": "user", "id": "me", "auth": f"telegram:{ALICE}"}
        asked = [record for record in log if record["kind"] == "approval.asked"][-1]
        assert given["d"]["input_sha256"] == asked["d"]["input_sha256"]
        assert "intact" in house.verify()
        everything = "".join(house.texts()) + str(log) + house.log_text().decode()
        assert KEY not in everything
        assert TOKEN not in everything


async def test_steering_reaches_the_running_agent_and_the_session_continues(
    tmp_path: Path, claude_program: Path
) -> None:
    turns = (
        Turn("", (Call("Bash", {"command": "rm x"}),), says("begin")),
        Turn("Heard: also that.", when=lambda asked: "also that" in asked.text),
        Turn("Still here.", when=says("are you there")),
    )
    async with House(tmp_path, claude_program, *turns) as house:
        house.tg.user_says(ALICE, "begin")
        await house.reads("May this run?")
        house.tg.user_says(ALICE, "do also that")
        await house.tg.until(lambda: ["👀"] in house.tg.reactions.values())
        house.press("Deny")
        await house.reads("Heard: also that.")
        house.tg.user_says(ALICE, "are you there")
        await house.reads("Still here.")
        assert "do also that" in house.api.requests[-1].text  # the same session


async def test_stop_ends_the_agent(tmp_path: Path, claude_program: Path) -> None:
    turns = (Turn("", (Call("Bash", {"command": "rm x"}),), says("begin")),)
    async with House(tmp_path, claude_program, *turns) as house:
        house.tg.user_says(ALICE, "begin")
        await house.reads("May this run?")
        house.tg.user_says(ALICE, "/stop")
        await house.reads("Job 1 stopped")
        await house.reads("Withdrawn")
