"""Files that people send: asked about, fetched when allowed, read by their job, gone some day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.jobs import State
from appliance.core.model import (
    JobId,
    Millis,
    ToolRequest,
)
from appliance.errors import ChatRefused, ChatUnavailable
from appliance.services.inboxes import DAY_MS, TIDY_SECONDS
from tests.examples import ALICE, message
from tests.services.file_fakes import ONE, ended, file, passes, prompt, send, starts
from tests.services.rig import STRANGER, Puppet, Rig


async def test_files_are_there_before_the_agent_starts_and_it_is_told_so(rig: Rig) -> None:
    seen: list[str] = []
    rig.agent.script = lambda puppet: seen.extend(
        path.read_text() for path in sorted(Path(rig.store.path(ONE)).iterdir())
    )
    await send(rig, "sum up", file(rig), file(rig, "../../b.txt", b"bee"))
    assert await ended(rig) is State.SUCCEEDED
    assert seen == ["1,2,3", "bee"]
    directory = rig.store.path(ONE)
    assert prompt(rig).startswith("sum up\n\n")
    assert f"{directory}/a.csv (5 B)" in prompt(rig)
    assert f"{directory}/b.txt (3 B)" in prompt(rig)
    inbox = rig.agent.tasks[-1].inbox
    assert inbox is not None
    assert (inbox.job, inbox.path) == (1, directory)


async def test_each_file_is_recorded_before_the_job_starts(rig: Rig) -> None:
    await send(rig, "sum up", file(rig))
    await ended(rig)
    names = rig.audit.names()
    assert names.index("file.received") < names.index("job.started")


async def test_its_own_inbox_is_what_a_rule_for_it_is_about(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Read", file_path="/x")

    rig.agent.script = script
    await send(rig, "sum up", file(rig))
    await ended(rig)
    (request,) = [one for one in rig.policy.asked if isinstance(one, ToolRequest)]
    assert request.inbox == rig.store.path(ONE)


async def test_what_is_denied_is_never_fetched(rig: Rig) -> None:
    del rig.policy.table["/run"]
    await send(rig, "sum up", file(rig))
    await rig.chat.until("nothing allows /run")
    assert rig.far_files.fetched == []


async def test_a_strangers_file_is_never_fetched(rig: Rig) -> None:
    sent = replace(message("sum up", 500), files=(file(rig),), sender=STRANGER)
    await rig.intake([sent])
    await rig.says("/status")
    await rig.chat.until("running 0 of 2")
    assert rig.far_files.fetched == []


async def test_a_file_that_breaks_off_is_fetched_again(rig: Rig) -> None:
    rig.far_files.failures = [ChatUnavailable("broken"), ChatUnavailable("again")]
    await send(rig, "sum up", file(rig))
    await passes(rig, lambda: bool(rig.agent.tasks))
    assert await ended(rig) is State.SUCCEEDED
    assert Path(rig.store.path(ONE), "a.csv").read_bytes() == b"1,2,3"


async def test_a_file_that_is_gone_fails_its_job_in_one_sentence(rig: Rig) -> None:
    rig.far_files.failures = [ChatRefused("Telegram does not have this file any more")]
    await send(rig, "sum up", file(rig))
    assert "a.csv: Telegram does not have this file any more. Send it again." in (
        await rig.chat.until("a.csv")
    )
    assert rig.agent.tasks == []


async def test_a_file_that_is_larger_than_it_said_is_not_kept(rig: Rig) -> None:
    liar = replace(file(rig, content=b"x" * 5000), size=10)
    await send(rig, "sum up", liar)
    await rig.chat.until("a.csv has more than")
    assert rig.agent.tasks == []
    assert not Path(rig.store.path(ONE)).exists()


@pytest.mark.parametrize(
    ("count", "size", "words"), [(1, 2000, "a.csv has 2 kB; 1000 B is"), (4, 1, "That is 4 files")]
)
async def test_what_is_beyond_the_limits_is_told_before_it_is_fetched(
    rig: Rig, count: int, size: int, words: str
) -> None:
    await send(rig, "sum up", *(file(rig, content=b"x" * size) for _ in range(count)))
    await rig.chat.until(words)
    assert rig.far_files.fetched == []
    job = rig.state.job(ONE)
    assert job is None or job.state is State.DENIED


async def test_files_start_a_task_of_their_own_while_another_runs(rig: Rig) -> None:
    release = asyncio.Event()

    async def script(puppet: Puppet) -> None:
        await release.wait()

    rig.agent.script = script
    await rig.says("first")
    await rig.chat.until("Job 1")
    await send(rig, "and this", file(rig))
    await rig.chat.until("Job 2")
    assert rig.far_files.fetched == []
    release.set()
    await starts(rig, 2)
    assert prompt(rig).startswith("and this\n")


# after a crash, and later


async def test_a_job_whose_files_were_there_when_the_daemon_died_fetches_them_again(
    rig: Rig, tmp_path: Path
) -> None:
    del rig.chat.posts[:]
    rig.store.begin(ONE)
    with rig.store.writing(ONE, "old.txt") as write:
        write(b"from before")
    rig.store.publish(ONE)
    await send(rig, "sum up", file(rig))
    await ended(rig)
    assert [path.name for path in Path(rig.store.path(ONE)).iterdir()] == ["a.csv"]


async def test_files_go_some_days_after_their_job(rig: Rig) -> None:
    await send(rig, "sum up", file(rig))
    await ended(rig)
    rig.clock.advance(6 * DAY_MS / 1000)
    await asyncio.sleep(0.01)
    assert Path(rig.store.path(ONE)).exists()
    rig.clock.advance(2 * DAY_MS / 1000 + TIDY_SECONDS)
    async with asyncio.timeout(5):
        while Path(rig.store.path(ONE)).exists():
            await asyncio.sleep(0)


async def test_old_files_make_room_for_new_ones_and_those_in_use_do_not(rig: Rig) -> None:
    await send(rig, "one", file(rig, content=b"x" * 900), number=501)
    await ended(rig, ONE)
    for number in (502, 503):
        await send(rig, "more", file(rig, content=b"x" * 900), number=number)
        await starts(rig, number - 500)
    assert not Path(rig.store.path(ONE)).exists()
    assert Path(rig.store.path(JobId(3))).exists()


async def test_a_follow_up_of_its_session_still_reads_the_files(rig: Rig) -> None:
    await send(rig, "sum up", file(rig))
    await ended(rig)
    await rig.says("and the second line?")
    await starts(rig, 2)
    inbox = rig.agent.tasks[1].inbox
    assert inbox is not None
    assert inbox.job == ONE
    assert rig.far_files.fetched == ["file-0"]
    assert prompt(rig) == "and the second line?"


async def test_a_retried_job_fetches_its_files_anew(rig: Rig) -> None:
    await send(rig, "sum up", file(rig))
    await ended(rig)
    await rig.says("/retry 1")
    await starts(rig, 2)
    assert Path(rig.store.path(JobId(2)), "a.csv").exists()


async def test_messages_with_files_survive_a_restart(rig: Rig) -> None:
    sent = replace(message("sum up", 9, ALICE), files=(file(rig),), sent_at=Millis(5))
    assert rig.state.accept(sent, ALICE)
    assert (sent, ALICE) in rig.state.waiting()
