"""A group is nothing to us until somebody whom the policy allows it has paired it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.core.model import Allowed, Asks, Denied, Place, Platform
from tests.examples import ALICE, BOB, RULE
from tests.services.rig import Rig, running

GROUP = Place(Platform.TELEGRAM, "-100")
TOPIC = Place(Platform.TELEGRAM, "-100", "17")


def texts_in(rig: Rig, place: Place) -> list[str]:
    return [post.reply.body.text for post in rig.chat.posts if post.place == place]


def rig_where_owners_pair(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.policy.table["pair group"] = Allowed(RULE)
    rig.policy.table["unpair group"] = Allowed(RULE)
    return rig


async def test_an_unpaired_group_is_told_how_once_and_nothing_else(tmp_path: Path) -> None:
    rig = rig_where_owners_pair(tmp_path)
    async with running(rig):
        for text in ("/run rm -rf build", "/status", "hello"):
            await rig.says(text, place=GROUP)
        await rig.chat.until("I do not work in this group yet.")
        await rig.says("/status")  # all before it has been handled
        await rig.chat.until("up")
    said = [post.reply.body.text for post in rig.chat.posts if post.place == GROUP]
    assert len(said) == 1
    assert rig.state.latest_jobs(9) == ()
    rig.clock.advance(7 * 3600)
    await rig.says("hello", place=GROUP)
    assert len(rig.state.waiting()) == 1


async def test_a_group_is_worked_in_once_it_is_paired_until_that_ends(tmp_path: Path) -> None:
    rig = rig_where_owners_pair(tmp_path)
    async with running(rig):
        await rig.says("/pair", place=GROUP)
        await rig.chat.until("From now on I work in this group")
        await rig.says("/project demo", BOB, GROUP)
        await rig.chat.until("demo")
        await rig.says("/unpair", place=GROUP)
        await rig.chat.until("I do not work in this group any more")
        count = len(rig.chat.posts)
        rig.outbox.put(GROUP, rig.chat.posts[-1].reply)
        await rig.says("/status")
        await rig.chat.until("up")
    assert [post.place for post in rig.chat.posts[count:]].count(GROUP) == 0
    names = rig.audit.names()
    assert names.index("place.paired") < names.index("place.unpaired")


async def test_who_wrote_in_a_group_that_is_not_paired_is_asked_where_we_work(
    tmp_path: Path,
) -> None:
    rig = rig_where_owners_pair(tmp_path)
    rig.policy.table["Bash"] = Asks(RULE, by=("owner",))
    rig.policy.by["owner"] = {ALICE.name}
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm -rf build")
    private = Place(Platform.TELEGRAM, ALICE.sender.id)
    async with running(rig):
        await rig.says("/status")
        await rig.says("/pair", place=GROUP)
        await rig.chat.until("From now on I work in this group")
        assert rig.state.place_of(ALICE.name) == GROUP
        await rig.says("/unpair", place=GROUP)
        await rig.chat.until("I do not work in this group any more")
        await rig.says("/project demo", BOB)
        await rig.says("/run tidy up", BOB)
        async with asyncio.timeout(5):
            while "rm -rf" not in "".join(texts_in(rig, private)):
                await asyncio.sleep(0)
        assert rig.state.place_of(ALICE.name) == private


async def test_a_topic_is_paired_alone_and_a_group_with_all_of_them(tmp_path: Path) -> None:
    rig = rig_where_owners_pair(tmp_path)
    other = Place(Platform.TELEGRAM, "-100", "18")
    async with running(rig):
        await rig.says("/pair", place=TOPIC)
        await rig.chat.until("I work in this topic")
        assert rig.people.works_in(TOPIC)
        assert not rig.people.works_in(other)
        assert not rig.people.works_in(GROUP)
        await rig.says("/pair group", place=other)
        await rig.chat.until("From now on I work in this group")
        assert rig.people.works_in(other)
        await rig.says("/unpair", place=other)
        await rig.chat.until("/unpair group")
        await rig.says("/unpair group", place=other)
        await rig.chat.until("I do not work in this group any more")
    assert rig.state.paired_places() == ()


async def test_who_may_not_pair_is_told_so_and_it_is_recorded(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.policy.table["pair group"] = Denied(RULE, "guests do not")
    async with running(rig):
        await rig.says("/pair", BOB, GROUP)
        await rig.chat.until("Not allowed: guests do not")
    assert not rig.people.works_in(GROUP)
    denied = next(event for event in rig.audit.events if event.name == "request.denied")
    assert denied.data()["act"] == "admin"


async def test_pairing_is_for_groups(tmp_path: Path) -> None:
    rig = rig_where_owners_pair(tmp_path)
    async with running(rig):
        await rig.says("/pair")
        await rig.chat.until("/pair is for groups")
