"""Once, in order, across failures and crashes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.core.model import PostKind, Reply, Rich
from appliance.errors import ChatRefused, ChatUnavailable
from tests.examples import NOW, PLACE
from tests.services.rig import Rig, running


def say(text: str) -> Reply:
    return Reply(Rich(text))


async def settled(rig: Rig) -> None:
    async with asyncio.timeout(5):
        await rig.outbox.drained()


async def until_sleeping(rig: Rig) -> None:
    async with asyncio.timeout(5):
        while not rig.clock._sleepers:
            await asyncio.sleep(0)


async def test_posts_of_one_place_arrive_in_order(rig: Rig) -> None:
    for number in range(20):
        rig.outbox.put(PLACE, say(f"n{number}"))
    await rig.chat.until("n19")
    texts = [p.reply.body.text for p in rig.chat.posts if p.reply.body.text.startswith("n")]
    assert texts == [f"n{number}" for number in range(20)]


async def test_a_platform_that_asks_to_wait_is_waited_for(rig: Rig) -> None:
    rig.chat.failures = [ChatUnavailable("slow down", retry_after_seconds=7, is_in_doubt=False)]
    rig.outbox.put(PLACE, say("hello"))
    await until_sleeping(rig)
    assert "hello" not in rig.chat.messages.values()
    rig.clock.advance(6.9)
    await asyncio.sleep(0)
    assert "hello" not in rig.chat.messages.values()
    rig.clock.advance(0.2)
    assert await rig.chat.until("hello")


async def test_a_post_that_arrived_although_the_answer_was_lost_is_not_sent_again(
    rig: Rig,
) -> None:
    rig.chat.lost_after_delivery = True
    rig.chat.failures = [ChatUnavailable("time-out")]
    rig.outbox.put(PLACE, say("hello"))
    await until_sleeping(rig)
    rig.clock.advance(5)
    await settled(rig)
    assert [p.reply.body.text for p in rig.chat.posts].count("hello") == 1


async def test_a_post_cut_off_by_a_crash_is_settled_at_the_next_start(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    arrived, lost = rig.outbox.put(PLACE, say("arrived")), None
    rig.state.mark_trying(arrived, NOW)
    rig.chat.messages["2000"] = "arrived"  # and then the daemon was killed
    lost = rig.outbox.put(PLACE, say("lost"))
    rig.state.mark_trying(lost, NOW)
    async with running(rig):
        await rig.chat.until("lost")
        await settled(rig)
    assert [p.reply.body.text for p in rig.chat.posts] == ["lost"]
    assert rig.state.message_id(arrived) == "2000"
    rig.state.close()


async def test_who_waits_for_a_post_learns_whether_it_arrived(rig: Rig) -> None:
    post = rig.outbox.put(PLACE, say("hello"))
    assert await rig.outbox.arrived(post)
    assert await rig.outbox.arrived(rig.outbox.edit(post, PLACE, say("hello again")))
    rig.chat.failures = [ChatRefused("bot was blocked")]
    assert not await rig.outbox.arrived(rig.outbox.put(PLACE, say("anybody?")))


async def test_a_post_the_platform_refuses_is_given_up_and_recorded(rig: Rig) -> None:
    rig.chat.failures = [ChatRefused("bot was blocked")]
    rig.outbox.put(PLACE, say("hello"))
    rig.outbox.put(PLACE, say("next"))
    assert await rig.chat.until("next")
    assert "post.failed" in rig.audit.names()


async def test_an_edit_of_a_message_that_never_arrived_is_dropped(rig: Rig) -> None:
    rig.chat.failures = [ChatRefused("no")]
    post = rig.outbox.put(PLACE, say("question"))
    rig.outbox.edit(post, PLACE, say("answered"))
    rig.outbox.put(PLACE, say("next"))
    await rig.chat.until("next")
    assert all(p.kind is not PostKind.EDIT for p in rig.chat.posts)


async def test_a_place_that_fails_does_not_hold_up_another(rig: Rig) -> None:
    from dataclasses import replace

    rig.chat.failures = [ChatUnavailable("down", retry_after_seconds=3600)]
    rig.outbox.put(PLACE, say("stuck"))
    await until_sleeping(rig)
    rig.outbox.put(replace(PLACE, chat="9"), say("elsewhere"))
    assert await rig.chat.until("elsewhere")
