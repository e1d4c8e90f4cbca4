"""What nobody should send, and what Telegram should not do: one clear sentence or silence.

The whole daemon, recipes only. After each test it is alive, its log verifies, and there is no
stack trace anywhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from appliance.storage.codec import reply_from_text
from tests.emulators.telegram import TelegramEmulator
from tests.journeys.house import ALICE, BOB, NOTICES, STRANGER, House

NO_TEXT = "There is nothing in that I can read."
NO_AGENT = "Claude Code is not set up"
BURST = 1000


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path, None) as house:
        (house.project / "deploy").write_text("#!/bin/sh\necho ran >> ran.txt\n")
        (house.project / "deploy").chmod(0o755)
        yield house
        assert house.daemon is not None
        assert house.daemon.returncode is None, house.log_text().decode()
        assert await house.stop() == 0
        assert "intact" in house.verify()
        said = [text for chat in (ALICE, BOB, STRANGER) for text in house.texts(chat)]
        assert "Traceback" not in house.log_text().decode() + "\n".join(said)


async def answers(house: House, count: int) -> list[str]:
    """The first so many messages in Alice's chat; that there are no more is seen later."""
    await house.tg.until(lambda: len(house.texts()) >= count)
    return house.texts()


async def each_is_answered(house: House, pairs: Sequence[tuple[str, str]]) -> None:
    """One answer for each text, in order, with these words."""
    for text, _ in pairs:
        house.tg.user_says(ALICE, text)
    said = await answers(house, len(pairs))
    for (text, words), answer in zip(pairs, said, strict=True):
        assert words in answer, text


async def test_what_is_no_text_is_said_to_be_none(house: House) -> None:
    house.tg.user_says(ALICE, "")
    house.tg.user_says(ALICE, " \n\t ")
    house.tg.user_says(ALICE, sticker={"file_id": "x"})
    house.tg.user_says(ALICE, photo=[{"file_id": "x"}], caption="/deploy prod")
    house.tg.user_says(ALICE, "/status", new_chat_title="x")
    said = await answers(house, 5)
    assert [NO_TEXT in answer for answer in said] == [True, True, False, False, False]
    assert "sticker" in said[2]
    assert "/deploy takes no files" in said[3]


async def test_commands_that_make_no_sense_are_told_why(house: House) -> None:
    await each_is_answered(
        house,
        (
            ("/frobnicate", "There is no command /frobnicate."),
            ("/statsu", "Did you mean /status?"),
            ("/", "There is no command /."),
            ("/\u202esutats", r"There is no command /\u202esutats."),
            ("/" + "x" * 3000, "There is no command /xxx"),
            ("/run", "Run what?"),
            ("/run --after x y", "--after wants a job's number"),
            ("/run --after 99 look", "There is no job 99 to wait for"),
            ("/ask", "Ask what?"),
            ("/stop ../1", "No job called ../1"),
            ("/stop 99", "Nothing of yours is running here"),
            ("/resume x", "Resume which job?"),
            ("/resume 99", "Job 99 cannot be resumed"),
            ("/approve", "/approve wants the id"),
            ("/approve ../../x", "/approve wants the id"),
            ("/deny zzzz", "There is no such question. Compare the id, or press its button."),
        ),
    )


async def test_parameters_that_lead_elsewhere_are_refused(house: House) -> None:
    await each_is_answered(
        house,
        (
            ("/project nope", "nope"),
            ("/project ../../etc", "../../etc"),
            ("/project /etc", "/etc"),
            ("/git", "/git needs one of: /git status"),
            ("/git push", "/git needs one of: /git status"),
            ("/git show", "/git show needs ref"),
            ("/git show ../../etc", "'../../etc' will not do for ref"),
            ("/git show HEAD:/etc/passwd", "will not do for ref"),
            ("/git diff --output=x", "'--output=x' will not do for ref"),
            ("/git diff HEAD\u202e", r"'HEAD\u202e' will not do for ref"),
            ("/git log many", "must be a number from 1 to 200"),
            ("/git log -1", "must be a number from 1 to 200"),
            ("/git log 1; id", "'1;' will not do for count"),
            ("/git log 1 && id", "does not know what to do with '&&'"),
            ("/deploy $(id)", "'$(id)' will not do for target"),
            ("/deploy a b", "does not know what to do with 'b'"),
        ),
    )
    assert not (house.project / "x").exists()
    assert not (house.project / "ran.txt").exists()


async def test_text_that_is_hardly_text_becomes_a_task_that_can_be_read(house: House) -> None:
    texts = ("\x7fELF\x02\x01\x00\x00", "half a pair \ud83d", "txt.\u202eexe\u2066 \u200b")
    for number, text in enumerate(texts, 1):
        house.tg.user_says(ALICE, text)
        await house.reads(f"Job {number} ✗ failed: {NO_AGENT}")
    house.tg.user_says(ALICE, "/jobs")
    listed = await house.reads("Latest jobs")
    assert r"\u007fELF\u0002\u0001��" in listed
    assert "half a pair �" in listed
    assert r"txt.\u202eexe\u2066 \u200b" in listed


async def test_a_text_of_100_kb_is_too_long_in_one_piece_and_in_many(house: House) -> None:
    long = "x" * 100_000
    house.tg.user_says(ALICE, long, date=1_800_000_000)
    assert "100,000 characters" in (await answers(house, 1))[0]
    for start in range(0, len(long), 4096):
        house.tg.user_says(ALICE, long[start : start + 4096], date=1_800_000_002)
    house.tg.user_says(ALICE, "/status", date=1_800_000_009)
    said = await answers(house, 3)
    assert "100,000 characters" in said[1]
    assert "dispatch-appliance" in said[2]


async def test_a_late_edit_runs_nothing_and_updates_of_other_shapes_are_nothing_to_us(
    house: House,
) -> None:
    house.tg.user_says(ALICE, "/git status")
    await answers(house, 1)
    asked = next(m for m in house.tg.messages.values() if m.get("text") == "/git status")
    house.tg.user_edits(asked, "/deploy prod")
    house.tg.push({"message": {"text": "/deploy prod"}})
    house.tg.push({"message": {**asked, "from": None, "text": "/deploy prod"}})
    house.tg.push({"message": {**asked, "text": 7}})
    house.tg.push({"callback_query": {"id": "1", "from": asked["from"], "data": "a:zzzz"}})
    house.tg.push({"channel_post": asked | {"text": "/deploy prod"}})
    house.tg.user_says(ALICE, "/status")
    said = await answers(house, 4)
    assert "Job 1 has ended" in said[1]
    assert NO_TEXT in said[2]  # a text that is no string
    assert "dispatch-appliance" in said[3]


async def test_a_click_counts_once_and_only_from_those_who_may(house: House) -> None:
    house.tg.user_says(ALICE, "/deploy prod")
    await house.reads("May this run?")
    stranger = house.press("Approve", user=STRANGER)
    foreign = house.press("Approve", user=BOB)
    assert "not allowed" in (await house.toast(foreign)).casefold()
    assert not (house.project / "ran.txt").exists()
    clicks = [house.press("Approve"), house.press("Approve"), house.press("Deny")]
    toasts = [await house.toast(click) for click in clicks]
    assert toasts[0] == "Approved. Passing it on."
    assert all(toast.startswith("Already approved by me") for toast in toasts[1:])
    await house.reads("✓ Allowed by me")
    await house.reads("Job 1 ✓ done")
    assert (house.project / "ran.txt").read_text() == "ran\n"
    assert house.tg.clicks[stranger] is None


async def test_forged_clicks_find_nothing(house: House) -> None:
    house.tg.user_says(ALICE, "/status")
    await answers(house, 1)
    message = house.tg.sent(ALICE)[0]
    forged = {
        "a:zzzzzzzzzz": "There is no such question. Compare the id, or press its button.",
        "d:zzzzzzzzzz": "There is no such question. Compare the id, or press its button.",
        "a:": "This button is not known any more.",
        "a:../../x": "This button is not known any more.",
        "s:99": "Nothing of yours is running here.",
        "s:-1": "This button is not known any more.",
        "r:99": "Job 99 cannot be resumed.",
        "p:../../etc": "../../etc",
        "\x00\ud83d": "This button is not known any more.",
        "/deploy prod": "This button is not known any more.",
    }
    for number, (token, words) in enumerate(forged.items()):
        house.tg.user_presses(message, token, ALICE, f"forged-{number}")
        assert words in await house.toast(f"forged-{number}"), token
    assert len(house.texts()) == 1


async def test_a_click_that_comes_too_late_is_told_so(house: House) -> None:
    house.tg.user_says(ALICE, "/deploy prod")
    await house.reads("May this run?")
    question = house.tg.sent(ALICE)[-1]
    token = question["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    await house.kill()
    with closing(sqlite3.connect(house.home / "state/state.db")) as state, state:
        state.execute("UPDATE approval SET expires_at = 1")
    await house.start()
    await house.reads("Expired: nobody answered in time")
    house.tg.user_presses(question, token, ALICE, "late")
    assert await house.toast("late") == (
        "Too late: this has expired, and nothing ran. “Ask again” asks anew."
    )
    assert not (house.project / "ran.txt").exists()


async def test_strangers_get_silence_and_are_counted(house: House) -> None:
    house.tg.add_chat(-100)
    house.tg.user_says(ALICE, "/status")
    await answers(house, 1)
    house.tg.user_says(STRANGER, "/deploy prod")
    house.tg.user_says(STRANGER, "x" * 5000)
    house.tg.user_says(STRANGER, sticker={"file_id": "x"})
    house.tg.user_says(-100, "/status", user_id=STRANGER)
    house.tg.user_presses(house.tg.sent(ALICE)[0], "s:1", STRANGER, "strange")
    house.tg.user_says(ALICE, "/status more")
    assert "strangers: 5 messages ignored" in (await answers(house, 2))[1]
    assert {int(call["params"]["chat_id"]) for call in house.tg.calls if call["params"]} == {ALICE}
    assert house.tg.clicks["strange"] is None


async def test_a_known_person_without_a_role_may_do_nothing(house: House) -> None:
    for text in ("/status", "/deploy prod", "rm -rf /", "/help"):
        house.tg.user_says(BOB, text)
    await house.tg.until(lambda: len(house.texts(BOB)) == 4)
    assert all("allow" in text.casefold() for text in house.texts(BOB)[:3])


async def test_a_thousand_messages_at_once_are_all_answered_once_and_in_order(
    house: House,
) -> None:
    for number in range(BURST):
        house.tg.user_says(ALICE, f"/x{number}")
    await house.tg.until(lambda: not house.tg.updates)  # all of them confirmed, so all are stored
    await house.tg.until(lambda: len(house.texts()) >= 20)
    while (put := written(house))[-1:] != [f"/x{BURST - 1}"]:
        await answers(house, len(house.texts()) + 1)
    assert put == [f"/x{number}" for number in range(BURST)]
    sent = [named(text) for text in house.texts()]
    assert sent == put[: len(sent)]


def written(house: House) -> list[str]:
    """The command's name in each answer of the outbox."""
    database = f"file:{house.home}/state/state.db?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as state:
        rows = state.execute("SELECT reply FROM outbox ORDER BY id").fetchall()
    texts = (reply_from_text(text, None).body.text for (text,) in rows)
    return [named(text) for text in texts if not text.startswith(NOTICES)]


def named(answer: str) -> str:
    """ "There is no command /x7." is about "/x7"."""
    return answer.removeprefix("There is no command ").split(".")[0]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda tg: tg.fail("sendMessage", 429, retry_after=1),
        lambda tg: tg.fail("sendMessage", 502),
        lambda tg: tg.lose("sendMessage", after_effect=False),
        lambda tg: tg.lose("sendMessage", after_effect=True),
    ],
    ids=["too-many", "bad-gateway", "lost-before", "lost-after"],
)
async def test_an_answer_that_telegram_did_not_take_comes_once(
    house: House, trouble: Callable[[TelegramEmulator], None]
) -> None:
    house.tg.user_says(ALICE, "/x0")
    await answers(house, 1)
    trouble(house.tg)
    house.tg.user_says(ALICE, "/x1")
    house.tg.user_says(ALICE, "/x2")
    assert [named(text) for text in await answers(house, 3)] == ["/x0", "/x1", "/x2"]


async def test_an_answer_that_telegram_never_takes_is_given_up_and_recorded(house: House) -> None:
    house.tg.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
    house.tg.user_says(ALICE, "/x0")
    house.tg.user_says(ALICE, "/x1")
    assert [named(text) for text in await answers(house, 1)] == ["/x1"]
    assert "post.failed" in house.kinds()


async def test_messages_that_telegram_did_not_hand_over_are_fetched_again(house: House) -> None:
    tg = house.tg
    number = 0
    troubles: Sequence[Callable[[], None]] = (
        lambda: tg.fail("getUpdates", 429, retry_after=1),
        lambda: tg.fail("getUpdates", 502),
        lambda: tg.fail("getUpdates", 409, "Conflict: terminated by other getUpdates request"),
        lambda: tg.lose("getUpdates", after_effect=False),
        lambda: tg.lose("getUpdates", after_effect=True),
    )
    for trouble in troubles:
        trouble()
        for _ in range(2):  # the first ends the call that is under way, the second sees trouble
            tg.user_says(ALICE, f"/x{number}")
            number += 1
            await answers(house, number)
    assert [named(text) for text in house.texts()] == [f"/x{n}" for n in range(number)]


async def test_a_click_whose_answer_is_lost_counts_once(house: House) -> None:
    house.tg.user_says(ALICE, "/deploy prod")
    await house.reads("May this run?")
    house.tg.lose("answerCallbackQuery", after_effect=True)
    house.tg.lose("editMessageText", after_effect=True)
    house.press("Approve")
    await house.reads("✓ Allowed by me")
    await house.reads("Job 1 ✓ done")
    assert (house.project / "ran.txt").read_text() == "ran\n"
