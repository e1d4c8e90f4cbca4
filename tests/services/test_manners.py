"""Each place is talked to as somebody there has said, or as it was settled for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

from appliance.core.model import Markdown, Place, Platform, Reply, TimeOfDay
from appliance.core.preferences import Language, QuietHours, Verbosity
from appliance.core.words import say
from appliance.services.manners import Habit, Manners
from tests.examples import ALICE, NOW, PLACE, message
from tests.services.rig import Rig, running

HERE = Place(Platform.TELEGRAM, ALICE.sender.id)


async def test_the_language_of_a_place_is_changed_by_a_button(rig: Rig) -> None:
    await rig.says("/settings")
    await rig.chat.until("Settings of this conversation")
    await rig.clicks(rig.button("Deutsch"), under="Settings")
    await rig.chat.until("Einstellungen dieses Gesprächs")
    await rig.says("/stop")
    await rig.chat.until("Hier läuft nichts von dir")


async def test_everything_can_be_typed_too(rig: Rig) -> None:
    await rig.says("/settings zone Asia/Tokyo")
    await rig.chat.until("Time zone: Asia/Tokyo")
    await rig.says("/settings quiet 22-7")
    await rig.chat.until("Quiet hours: 22:00-07:00")
    await rig.says("/settings jobs full")
    await rig.chat.until("and every step")
    await rig.says("/settings zone Nowhere/City")
    await rig.chat.until("There is no time zone Nowhere/City")
    found = rig.state.preferences(HERE)
    assert found.zone == "Asia/Tokyo"
    assert found.quiet_hours == QuietHours(22 * 60, 7 * 60)
    assert found.verbosity is Verbosity.FULL


async def test_at_first_contact_the_app_says_which_language(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.intake([replace(message("/stop", 101, ALICE, HERE), language="de-AT")])
        await rig.chat.until("Hier läuft nichts von dir")
        await rig.says("/settings language en")
        await rig.intake([replace(message("/stop", 109, ALICE, HERE), language="de-AT")])
        await rig.chat.until("Nothing of yours is running here")
    rig.state.close()


def test_the_settings_file_speaks_for_who_has_said_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    habits = {ALICE.name: Habit(Language.GERMAN, "Asia/Tokyo")}
    manners = Manners(rig.state, rig.people, habits, UTC, rig.clock)
    catalogue = manners.catalogue(HERE)
    assert catalogue.sentences["Stop"] == "Anhalten"
    assert TimeOfDay(NOW).filled(catalogue) == "17:00"
    assert manners.catalogue(replace(PLACE, chat="-5")).sentences == {}
    rig.state.close()


async def test_a_long_answer_waits_behind_a_button(rig: Rig) -> None:
    long = "\n\n".join(f"Paragraph {number}. " + "word " * 20 for number in range(12))
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(long)))
    first = await rig.chat.until("Paragraph 0")
    assert "Paragraph 11" not in first
    await rig.clicks(rig.button("Show the rest"))
    assert "Paragraph 3" in await rig.chat.until("Paragraph 11")


async def test_what_was_cut_in_the_midst_of_code_comes_as_a_file_too(rig: Rig) -> None:
    long = "```py\n" + "\n".join(f"x = {number}" for number in range(60)) + "\n```"
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(long)))
    await rig.chat.until("x = 3")
    await rig.clicks(rig.button("Show the rest"))
    await rig.chat.until("All of it, as a file.")
    file = next(p.reply.attachment for p in rig.chat.posts if p.reply.attachment)
    assert file.content.decode() == long


async def test_the_rest_is_for_the_place_where_it_was_left_out(rig: Rig) -> None:
    elsewhere = Place(Platform.TELEGRAM, "99")
    with rig.state.transaction():
        rig.outbox.put(elsewhere, Reply(Markdown("secret of another place\n\n" * 40)))
    await rig.says("/more 1")
    await rig.chat.until("There is nothing more of that.")


async def test_no_secret_leaves_whole_or_cut_in_two(rig: Rig) -> None:
    lines = "\n".join("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" for _ in range(40))
    key = f"-----BEGIN PRIVATE{' '}KEY-----\n{lines}\n-----END PRIVATE KEY-----"
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(f"```\n{key}\n```\n" + "word " * 300)))
        rig.outbox.put(HERE, say("token {it}", it="gh" + "p_" + "a" * 36))
    await rig.chat.until("token [redacted GitHub token]")
    await rig.clicks(rig.button("Show the rest"))
    await rig.chat.until("See below.")
    assert not any("QUJD" in post.reply.body.text for post in rig.chat.posts)
