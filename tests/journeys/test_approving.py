"""Approving from a phone, on real parts: questions, reasons, plans, a crash in between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.anthropic import Asked, Call, Turn, returned, says
from tests.journeys.house import ALICE, BOB, House
from tests.journeys.story import Story

PLAN_PATH = re.compile(r"/[^ \"]*/plans/[A-Za-z-]+\.md")
CALLBACK_BYTES = 64
COLOURS = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "Red", "description": "as a fire"},
        {"label": "Blue", "description": "as the sea"},
    ],
}
PARTS = {
    "question": "Which parts?",
    "header": "Parts",
    "multiSelect": True,
    "options": [
        {"label": "Door", "description": ""},
        {"label": "Wall", "description": ""},
        {"label": "Roof", "description": ""},
    ],
}


def message(house: House, word: str, chat: int = ALICE) -> dict[str, Any]:
    """The latest message of ours that holds the word."""
    for sent in reversed(house.tg.sent(chat)):
        if word in str(sent.get("text") or sent.get("caption") or ""):
            return sent
    raise AssertionError(f"nobody said {word!r}")


def reply(house: House, word: str, text: str, chat: int = ALICE) -> None:
    house.tg.user_says(chat, text, reply_to_message=message(house, word, chat))


async def offers(house: House, label: str, chat: int = ALICE) -> None:
    """Wait until a button says so."""

    def is_there() -> bool:
        rows = (
            row
            for sent in house.tg.sent(chat)
            for row in (sent.get("reply_markup") or {}).get("inline_keyboard", [])
        )
        return any(button["text"] == label for row in rows for button in row)

    await house.tg.until(is_there)


def plan_of(text: str) -> Turn:
    """The model writes its plan where the program told it to."""

    def made(asked: Asked) -> tuple[Call, ...]:
        found = PLAN_PATH.search(asked.text)
        assert found is not None
        return (Call("Write", {"file_path": found[0], "content": text}),)

    return Turn(made=made)


@pytest.mark.real_cli
async def test_questions_are_answered_and_steps_are_refused_with_a_reason(
    tmp_path: Path, claude_program: Path
) -> None:
    step = {"command": "rm -rf build", "description": "clear what was built"}
    long = {"command": "rm -f " + " ".join(f"part-{n}.o" for n in range(700)) + " core.dump"}
    turns = (
        Turn(calls=(Call("AskUserQuestion", {"questions": [COLOURS, PARTS]}),), when=says("paint")),
        Turn(calls=(Call("Bash", step),), when=returned("Which colour?")),
        Turn(calls=(Call("Bash", long),), when=returned("not before noon")),
        Turn("Painted.", when=returned()),
    )
    (tmp_path / "project/build").mkdir(parents=True)
    title = "The agent asks, and asks before it does what the policy wants a yes for."
    async with (
        House(tmp_path, claude_program, *turns, owner="alice") as house,
        Story(house, "approving", title) as story,
    ):
        await story.says("/run paint it")
        await story.reads("Which parts?")
        await story.presses("☐ Wall")
        await story.presses("Done")
        await story.replies("Which colour?", 'sea "green", matt')
        await story.reads("May this run?")
        answers = house.api.requests[-1].result_text
        assert '"Which colour?"="sea "green", matt"' in answers
        assert '"Which parts?"="Wall"' in answers

        await story.presses("Details")
        await story.presses("Deny with a reason")
        await story.says("/status")
        assert (tmp_path / "project/build").exists()
        await story.replies("Why not?", "not before noon")

        await story.reads("characters are in the file")
        assert "core.dump" in message(house, "characters are in the file")["caption"]
        await story.presses("Approve")
        await story.reads("Painted.")
        assert (tmp_path / "project/build").exists()

        buttons = [
            button["callback_data"]
            for call in house.tg.calls
            for row in (call["params"].get("reply_markup") or {}).get("inline_keyboard", [])
            for button in row
        ]
        assert max(len(data.encode()) for data in buttons) <= CALLBACK_BYTES
        assert await house.stop() == 0
        kinds = house.kinds()
        assert (kinds.count("question.asked"), kinds.count("question.answered")) == (2, 2)
        refused = next(r for r in house.records() if r["kind"] == "approval.refused")
        assert refused["d"]["reason"] == "not before noon"
        assert "intact" in house.verify()


@pytest.mark.real_cli
async def test_a_plan_is_changed_and_then_carried_out(tmp_path: Path, claude_program: Path) -> None:
    turns = (
        Turn(calls=(Call("Bash", {"command": "touch early"}),)),
        plan_of("1. all of it\n"),
        Turn(calls=(Call("ExitPlanMode", {}),)),
        plan_of("1. half of it\n"),
        Turn(calls=(Call("ExitPlanMode", {}),)),
        Turn(calls=(Call("Write", {"file_path": "half.txt", "content": "half\n"}),)),
        Turn("Half of it is done."),
    )
    async with House(tmp_path, claude_program, *turns) as house:
        house.tg.user_says(ALICE, "/plan do it")
        await house.reads("May this plan be carried out?")
        assert "1. all of it" in message(house, "May this plan")["text"]
        assert not (house.project / "early").exists()
        house.press("Ask for a change")
        await house.reads("Why not?")
        reply(house, "Why not?", "half of it will do")
        await house.reads("1. half of it")
        assert "half of it will do" in house.api.requests[3].result_text
        house.press("Approve")
        await house.reads("Half of it is done.")
        assert (house.project / "half.txt").read_text() == "half\n"
        assert not (house.project / "early").exists()
        assert await house.stop() == 0
        assert "intact" in house.verify()


async def test_a_reason_and_a_second_try_survive_a_crash(tmp_path: Path) -> None:
    rules = ("g, bob, lead", "p, lead, *, chat, /deny|/approve|/status, allow",
             "p, owner, *, chat, /test, approve, by=lead ttl=10s",
             "p, owner, *, chat, /git status, approve, by=lead")  # fmt: skip
    async with House(tmp_path, None, rules=rules, walled=False) as house:
        house.tg.user_says(BOB, "/status")
        await house.reads("dispatch-appliance 0", BOB)
        house.tg.user_says(ALICE, "/git status")
        await house.reads("May this run?", BOB)
        house.press("Deny with a reason", BOB)
        await house.reads("Why not?", BOB)
        await house.kill()
        reply(house, "Why not?", "the tree is being moved", BOB)
        await house.start()
        assert "because: the tree is being moved" in await house.reads("✗ Denied by bob at ", BOB)
        await house.reads("bob said no to this")

        house.tg.user_says(ALICE, "/test")
        await house.reads("nobody approved this in time")
        await house.reads("Expired: nobody answered in time")
        await house.kill()
        first, second = house.press("Ask again"), house.press("Ask again")
        await house.start()
        await house.reads("It has been asked again.")
        assert await house.toast(first) == "Asking again."
        assert await house.toast(second) == "It has been asked again already."
        await house.reads("May this run?", BOB)
        house.press("Approve", BOB)
        await house.reads("all tests passed")
        assert await house.stop() == 0
        kinds = house.kinds()
        assert kinds.count("approval.renewed") == 1
        assert kinds.count("approval.asked") == 3
        assert "intact" in house.verify()
