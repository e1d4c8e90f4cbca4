"""Who has not answered is called again: twice at most, and across restarts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.core.model import Asks, PostKind
from appliance.core.preferences import Preferences, QuietHours
from tests.examples import ALICE, BOB, PLACE
from tests.services.rig import RULE, Puppet, Rig, running
from tests.services.test_watching import pass_time, until

WORDS = "Still waiting for you"
TEN_MINUTES = Asks(RULE, ttl_seconds=600)


async def asked(rig: Rig, asks: Asks = TEN_MINUTES) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", command="git push")

    rig.policy.table["Bash"] = asks
    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("May this run?")


def reminders(rig: Rig) -> list[str]:
    return [
        post.reply.body.text
        for post in rig.chat.posts
        if post.kind is PostKind.NEW and WORDS in post.reply.body.text
    ]


async def test_half_way_and_near_the_end_and_never_more(rig: Rig) -> None:
    await asked(rig)
    await pass_time(rig, 295)
    assert reminders(rig) == []
    await pass_time(rig, 5)
    assert len(reminders(rig)) == 1
    assert "git push" in reminders(rig)[0]
    assert "expires in 5 min" in reminders(rig)[0]
    await pass_time(rig, 240)
    assert len(reminders(rig)) == 2
    await pass_time(rig, 60)
    await rig.chat.until("Expired")
    assert len(reminders(rig)) == 2


async def test_it_rings_and_answers_the_question(rig: Rig) -> None:
    await asked(rig)
    await pass_time(rig, 300)
    (question,) = [i for i, text in rig.chat.messages.items() if "May this run?" in text]
    (post,) = [post for post in rig.chat.posts if WORDS in post.reply.body.text]
    assert post.reply.answers == question
    assert not post.reply.silent


async def test_who_has_answered_is_left_alone(rig: Rig) -> None:
    await asked(rig)
    await rig.clicks(rig.button("Deny"))
    await rig.chat.until("✗ Denied")
    await pass_time(rig, 600)
    assert reminders(rig) == []


async def test_only_who_may_answer_and_has_not_is_called(rig: Rig) -> None:
    rig.policy.by = {"lead": {"bob"}}
    await rig.says("/status", BOB)
    await asked(rig, replace(TEN_MINUTES, by=("lead",)))
    await pass_time(rig, 300)
    (post,) = [post for post in rig.chat.posts if WORDS in post.reply.body.text]
    assert post.place.chat == BOB.sender.id
    assert post.place.chat != ALICE.sender.id


async def test_a_restart_forgets_and_repeats_no_reminder(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.policy.table["/deploy"] = TEN_MINUTES
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/deploy")
        await rig.chat.until("May this run?")
        await pass_time(rig, 300)
        assert len(reminders(rig)) == 1
        now = rig.clock.now()
    rig.state.close()

    again = Rig(tmp_path)
    again.policy.table["/deploy"] = TEN_MINUTES
    again.clock.advance((now - again.clock.now()) / 1000)
    async with running(again):
        await pass_time(again, 230)
        assert reminders(again) == []
        await pass_time(again, 10)
        await until(lambda: len(reminders(again)) == 1)
    again.state.close()


async def test_of_two_that_are_overdue_one_is_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/deploy")
        await rig.chat.until("May this run?")
    rig.state.close()
    again = Rig(tmp_path)
    again.clock.advance(570)
    async with running(again):
        await until(lambda: bool(reminders(again)))
        await pass_time(again, 25)
        assert len(reminders(again)) == 1
    again.state.close()


async def test_in_quiet_hours_who_asked_before_them_is_not_woken(rig: Rig) -> None:
    await asked(rig, Asks(RULE, ttl_seconds=2 * 3600))
    began = rig.clock.now() // 60_000 % (24 * 60) + 30
    hours = QuietHours(since=began % 1440, until=(began + 300) % 1440)
    rig.state.save_preferences(PLACE, Preferences(quiet_hours=hours, zone="UTC"))
    await pass_time(rig, 3600)
    (post,) = [post for post in rig.chat.posts if WORDS in post.reply.body.text]
    assert post.reply.silent
