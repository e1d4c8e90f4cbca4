"""The owner gets the log's key once, and one quiet message per epoch, whatever crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.core.model import Place, Platform, PostKind
from appliance.errors import AnchorUnavailable, ChatRefused
from appliance.services.owner import POLITE_SECONDS, OwnerChat
from tests.examples import ALICE, BOB, PLACE
from tests.fakes_anchors import note_of
from tests.services.rig import Rig, running

KEY = "dispatch-audit/abab+01020304+AQID"


async def public_key() -> str:
    return KEY


@asynccontextmanager
async def at(directory: Path, *, without: str = "") -> AsyncIterator[tuple[Rig, OwnerChat]]:
    """A start of the services, with alice as the owner."""
    rig = Rig(directory)
    owner = OwnerChat(rig.state, rig.outbox, rig.activity, ALICE.name, public_key, rig.clock)
    async with asyncio.TaskGroup() as group:
        async with running(rig, without=(without,)):
            task = group.create_task(owner.run(lambda: None))
            yield rig, owner
        task.cancel()
    rig.state.close()


async def introduced(rig: Rig) -> None:
    """Let the time go by that somebody who has just written is given."""
    async with asyncio.timeout(5):
        while not keys(rig):
            rig.clock.advance(POLITE_SECONDS)
            await asyncio.sleep(0)


def keys(rig: Rig) -> list[str]:
    return [text for text in rig.chat.messages.values() if KEY in text]


def checkpoints(rig: Rig) -> list[str]:
    return [text for text in rig.chat.messages.values() if "Audit checkpoint" in text]


async def test_the_public_key_is_sent_once_it_is_known_where_to(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, _):
        await rig.says("/status", BOB)
        await rig.chat.until("queued 0")
        assert keys(rig) == []
        await rig.says("/status", ALICE)
        await introduced(rig)
        (post,) = (post for post in rig.chat.posts if KEY in post.reply.body.text)
        assert post.place == PLACE
        assert post.reply.silent


async def test_the_public_key_is_not_sent_again_after_a_crash(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, _):
        await rig.says("/status")
        await introduced(rig)
    async with at(tmp_path) as (rig, _):
        rig.number = 9
        await rig.says("/jobs")
        await rig.chat.until("No jobs yet")
        await rig.outbox.drained()
        assert keys(rig) == []


async def test_the_public_key_is_sent_after_a_crash_before_it_left(tmp_path: Path) -> None:
    async with at(tmp_path, without="outbox") as (rig, _), asyncio.timeout(5):
        await rig.says("/status")
        while not rig.state.posts_labelled(f"genesis:{KEY}"):
            rig.clock.advance(POLITE_SECONDS)
            await asyncio.sleep(0)
    async with at(tmp_path) as (rig, _):
        await introduced(rig)
        await rig.outbox.drained()
        assert len(keys(rig)) == 1


async def test_a_newer_checkpoint_of_an_epoch_replaces_the_older_one(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, owner):
        await rig.says("/status")
        await introduced(rig)
        assert await owner.post(note_of(10)) == note_of(10)
        assert await owner.post(note_of(12)) == note_of(12)
        (text,) = checkpoints(rig)
        assert "12 records" in text
        await owner.post(note_of(20, epoch=2))
        assert len(checkpoints(rig)) == 2
        news = [p for p in rig.chat.posts if "Audit" in p.reply.body.text]
        assert all(post.reply.silent for post in news)
        assert [post.kind for post in news[1:]] == [PostKind.NEW, PostKind.EDIT, PostKind.NEW]


async def test_after_a_restart_the_message_of_the_epoch_is_found_again(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, owner):
        await rig.says("/status")
        await introduced(rig)
        await owner.post(note_of(10))
    async with at(tmp_path) as (rig, owner):
        await owner.post(note_of(12))
        assert [post.kind for post in rig.chat.posts] == [PostKind.EDIT]


async def test_a_checkpoint_that_was_deleted_in_the_chat_is_sent_anew(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, owner):
        await rig.says("/status")
        await introduced(rig)
        await owner.post(note_of(10))
        rig.chat.failures = [ChatRefused("message to edit not found")]
        await owner.post(note_of(12))
        assert [text for text in checkpoints(rig) if "12 records" in text]
        await owner.post(note_of(14))
        assert rig.chat.posts[-1].kind is PostKind.EDIT


async def test_a_chat_that_takes_nothing_confirms_nothing(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, owner):
        with pytest.raises(AnchorUnavailable, match="alice has not written yet"):
            await owner.post(note_of(10))
        await rig.says("/status")
        await introduced(rig)
        await rig.outbox.drained()
        rig.chat.failures = [ChatRefused("bot was blocked")]
        with pytest.raises(AnchorUnavailable, match="does not take messages"):
            await owner.post(note_of(10))


async def test_a_terminal_forgets_so_it_is_no_place_for_checkpoints(tmp_path: Path) -> None:
    async with at(tmp_path) as (rig, owner):
        await rig.says("/status", place=Place(Platform.TERMINAL, "alice"))
        with pytest.raises(AnchorUnavailable, match="has not written yet"):
            await owner.post(note_of(10))
