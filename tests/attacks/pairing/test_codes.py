"""Everything somebody may try with a pairing code that is not theirs: nobody wins but one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.core.model import Message, Place, Platform
from appliance.core.pairing import LIFE_SECONDS, WRONG_TRIES, PairingState
from tests.examples import NOW
from tests.services.pairing_rig import GROUP, handled, of_kind, opened, starts
from tests.services.rig import DAVE, STRANGER, Rig, running


async def test_a_code_is_kept_nowhere(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code)
    await handled(rig)
    rig.state.close()
    assert rig.audit.names()[-1] == "account.paired"
    for file in tmp_path.iterdir():
        assert invitation.code.encode() not in file.read_bytes()
    assert invitation.code not in str(rig.audit.events)
    assert len(invitation.code) * 6 >= 100


async def test_a_used_code_is_useless(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code)
    await starts(rig, invitation.code, STRANGER)
    await handled(rig)
    assert rig.people.name_of(STRANGER) is None
    refused = of_kind(rig, "pairing.refused")
    assert [e.data()["account"] for e in refused] == ["telegram:666"]
    assert str(refused[0].data()["reason"]).startswith("This code has been used.")


async def test_of_two_phones_that_race_one_wins(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code, STRANGER)
    await starts(rig, invitation.code, DAVE.sender)
    async with running(rig):
        await rig.chat.until("You are paired")
        await rig.chat.until("This code has been used.")
    assert [a.sender for a in rig.state.accounts()] == [STRANGER]
    assert rig.audit.names().count("account.paired") == 1


async def test_a_code_expires(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        invitation = await opened(rig)
        rig.clock.advance(LIFE_SECONDS)
        found = await rig.pairing.outcome(invitation.pairing.id, 5)
        assert found is not None
        assert found.state is PairingState.EXPIRED
        await starts(rig, invitation.code)
        await rig.chat.until("This code has expired.")
    assert rig.state.accounts() == ()
    assert "pairing.ended" in rig.audit.names()


async def test_after_five_wrong_codes_the_right_one_is_blocked(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    for number in range(WRONG_TRIES):
        await starts(rig, f"guess-{number}", STRANGER)
    await handled(rig)
    assert rig.chat.posts == []
    assert rig.state.places_with_mail() == ()
    await starts(rig, invitation.code)
    await handled(rig)
    assert rig.state.accounts() == ()
    assert rig.audit.names().count("pairing.refused") == WRONG_TRIES + 1
    assert [e.data()["reason"] for e in of_kind(rig, "pairing.ended")] == ["guessed_at"]


async def test_a_stranger_is_heard_for_nothing_but_a_code_while_there_is_one(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    said = Message("telegram:1:1", STRANGER, Place(Platform.TELEGRAM, "666"), "/start x", NOW)
    assert not rig.intake.hears(said)
    await opened(rig)
    assert rig.intake.hears(said)
    for text in ("/start", "hello", "/status", "/start a b", "/start " + "x" * 65):
        assert not rig.intake.hears(replace(said, text=text))
    assert not rig.intake.hears(replace(said, place=GROUP))


async def test_strangers_cannot_fill_the_log_with_codes(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await opened(rig)
    for number in range(100):
        await starts(rig, f"guess-{number}", STRANGER)
    await handled(rig)
    assert rig.audit.names().count("pairing.refused") == 20
    assert rig.intake.strangers[Platform.TELEGRAM] == 80


async def test_a_code_written_in_a_group_is_blocked(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code, DAVE.sender, GROUP)
    await starts(rig, invitation.code, STRANGER)
    await handled(rig)
    assert rig.state.accounts() == ()
    assert [e.data()["reason"] for e in of_kind(rig, "pairing.ended")] == ["exposed"]


async def test_a_name_that_changes_changes_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await starts(rig, (await opened(rig)).code)
    await handled(rig)
    claims = Message("k", STRANGER, Place(Platform.TELEGRAM, "666"), "/status", NOW, called="Dave")
    assert not rig.intake.hears(claims)
    renamed = Message("k", DAVE.sender, Place(Platform.TELEGRAM, "78"), "hi", NOW, called="Eve")
    assert rig.intake.hears(renamed)


async def test_a_code_outlives_the_daemon_and_still_has_one_winner(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code)  # stored, and then the daemon is killed
    await starts(rig, invitation.code, STRANGER)
    rig.state.close()
    again = Rig(tmp_path)
    await handled(again)
    assert [a.sender for a in again.state.accounts()] == [DAVE.sender]
    await starts(again, invitation.code, STRANGER)
    await handled(again)
    assert [a.sender for a in again.state.accounts()] == [DAVE.sender]
