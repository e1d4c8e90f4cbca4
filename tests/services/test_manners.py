"""Each place is talked to as somebody there has said, or as it was settled for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

from appliance.core.model import Place, Platform, TimeOfDay
from appliance.core.preferences import Language, Preferences, QuietHours, Verbosity
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


def test_who_has_said_nothing_is_talked_to_as_their_program_speaks(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    web = Place(Platform.WEB, ALICE.name)
    manners = Manners(rig.state, rig.people, {}, UTC, rig.clock)
    assert manners.language(web, "de-at") is Language.GERMAN
    assert manners.language(web, "tlh") is manners.language(web, "") is Language.ENGLISH
    settled = Manners(rig.state, rig.people, {ALICE.name: Habit(Language.GERMAN)}, UTC, rig.clock)
    assert settled.language(web, "en-gb") is Language.GERMAN
    rig.state.save_preferences(web, Preferences(language=Language.ENGLISH))
    assert settled.language(web, "de") is Language.ENGLISH
    rig.state.close()
