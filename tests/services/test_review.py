"""/diff, /revert and /tree as people see them, over real git in a real project."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.core.model import (
    Allowed,
    Denied,
    FileKind,
    IncomingFile,
    Parameter,
    ParameterKind,
    Place,
    Platform,
    PostKind,
    Project,
    Recipe,
    Refuse,
    ToolCall,
    Workplace,
)
from appliance.errors import AgentFailed
from appliance.ports import Conversation, Output
from tests.examples import ALICE, BOB, message
from tests.services.rig import DEMO, RULE, Puppet, Rig, TablePolicy, allow_everything, running


def policy() -> TablePolicy:
    policy = allow_everything()
    for word in ("/diff", "/revert", "/tree", "/commit", "Edit"):
        policy.table[word] = Allowed(RULE)
    return policy


def git(project: Path, *argv: str) -> str:
    named = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    found = subprocess.run(
        ["git", *named, *argv], cwd=project, check=True, capture_output=True, text=True
    )
    return found.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "--quiet", "-b", "main")
    (project / "a.txt").write_text("one\n")
    (project / "wide.txt").write_text("x" * 70 + "\n")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "first")
    return project


@pytest.fixture
async def rig(tmp_path: Path, project: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, policy(), project)
    rig.agent.script = lambda puppet: edits(puppet)
    for actor in (ALICE, BOB):
        rig.state.save_conversation(Place(Platform.TELEGRAM, actor.sender.id), Conversation(DEMO))
    async with running(rig):
        yield rig


async def edits(puppet: Puppet) -> None:
    """Changes one file with narrow lines, one with wide ones, and makes one with a secret."""
    where = Path(puppet.task.directory or puppet.task.project.path)
    assert await puppet.call("Edit") == "ok"
    (where / "a.txt").write_text("two\n")
    (where / "wide.txt").write_text("y" * 70 + "\n" + "z" * 70 + "\n")
    (where / "key.txt").write_text("token = ghp_" + "a" * 36 + "\n")


async def done(rig: Rig, words: str = "/run mend it") -> None:
    await rig.says(words)
    await rig.chat.until("all done")
    while rig.runs:
        await asyncio.sleep(0)


async def test_the_files_are_listed_with_their_numbers(rig: Rig) -> None:
    await done(rig)
    await rig.says("/diff 1")
    text = await rig.chat.until("demo · 3 files")
    assert text == (
        "Job 1 · demo · 3 files changed +4 −2\n\n"
        "1. a.txt +1 −1\n2. key.txt +1 new\n3. wide.txt +2 −1"
    )
    assert "changes.shown" in rig.audit.names()


async def test_the_last_job_here_is_meant_where_none_is_named(rig: Rig) -> None:
    await done(rig)
    await rig.says("/diff")
    await rig.chat.until("Job 1 · demo · 3 files")


async def test_pages_turn_under_their_message(rig: Rig) -> None:
    await done(rig)
    await rig.says("/diff 1")
    await rig.chat.until("demo · 3 files")
    (message,) = [m for m, text in rig.chat.messages.items() if "demo · 3 files" in text]
    await rig.clicks(rig.button("1"), under="Job 1 · ")
    text = await rig.chat.until("1/3")
    assert text == "Job 1 · 1/3 · a.txt +1 −1\n@@ -1 +1 @@\n-one\n+two"
    assert rig.chat.messages[message] == text
    await rig.clicks(rig.button("▶"), under="Job 1 · ")
    await rig.chat.until("2/3")
    await rig.clicks(rig.button("List"), under="Job 1 · ")
    while "demo · 3 files" not in rig.chat.messages[message]:
        await asyncio.sleep(0)


async def test_a_secret_is_not_shown_anywhere(rig: Rig) -> None:
    await done(rig)
    for words in ("/diff 1 2", "/diff 1 all"):
        await rig.says(words)
    await rig.chat.until("key.txt +1 new")
    while not [post for post in rig.chat.posts if post.reply.attachment]:
        await asyncio.sleep(0)
    shown = "".join(rig.chat.messages.values())
    files = [post.reply.attachment.content for post in rig.chat.posts if post.reply.attachment]
    assert "ghp_" not in shown
    assert b"ghp_" not in b"".join(files)
    assert b"+two" in files[0]


async def test_wide_lines_come_as_a_picture(rig: Rig) -> None:
    await done(rig)
    await rig.says("/diff 1 3")
    await rig.chat.until("3/3")
    (post,) = [post for post in rig.chat.posts if post.reply.attachment]
    assert post.reply.attachment is not None
    assert post.reply.attachment.is_picture
    assert "yyyy" not in post.reply.body.text
    assert [line.whole[:2] for line in rig.painter.painted[0]] == ["@@", "-x", "+y", "+z"]
    assert post.kind is PostKind.NEW
    await rig.clicks(rig.button("◀"), under="3/3")
    await rig.chat.until("2/3")
    await rig.chat.until("3/3")  # the picture keeps its words


async def test_a_revert_asks_first_and_is_recorded_before_it_happens(
    rig: Rig, project: Path
) -> None:
    await done(rig)
    await rig.says("/revert 1")
    await rig.chat.until("as they were before it?")
    assert (project / "a.txt").read_text() == "two\n"
    (project / "wide.txt").write_text("by hand\n")
    await rig.clicks(rig.button("Yes, revert"))
    text = await rig.chat.until("2 files are as before.")
    assert "changed since:\nwide.txt" in text
    assert (project / "a.txt").read_text() == "one\n"
    assert (project / "wide.txt").read_text() == "by hand\n"
    assert not (project / "key.txt").exists()
    (started,) = [e for e in rig.audit.events if e.name == "revert.started"]
    assert started.data()["files"] == ("a.txt", "key.txt")


async def test_the_revert_button_asks_first_too(rig: Rig, project: Path) -> None:
    await done(rig)
    await rig.says("/diff 1")
    await rig.chat.until("demo · 3 files")
    await rig.clicks(rig.button("Revert"))
    await rig.chat.until("as they were before it?")
    await rig.clicks(rig.button("Yes, revert"))
    await rig.chat.until("3 files are as before.")
    assert (project / "a.txt").read_text() == "one\n"


async def test_a_revert_waits_for_the_job_that_works_there(rig: Rig, project: Path) -> None:
    await done(rig)
    going = asyncio.Event()
    rig.agent.script = lambda _: going.wait()
    await rig.says("/run something else")
    while not rig.runs:
        await asyncio.sleep(0)
    await rig.says("/revert 1 yes")
    await rig.chat.until("Job 2 works in the same place")
    assert (project / "a.txt").read_text() == "two\n"
    going.set()


async def test_a_revert_that_was_let_in_stops_at_a_lockdown(rig: Rig, project: Path) -> None:
    await done(rig)
    is_reading, going, run = asyncio.Event(), asyncio.Event(), rig.workbench.run

    async def slow(*arguments: Any, **options: Any) -> Output:
        is_reading.set()
        await going.wait()
        return await run(*arguments, **options)

    rig.workbench.run = slow  # type: ignore[method-assign]
    await rig.says("/revert 1 yes")
    await is_reading.wait()
    await rig.says("/lockdown now")
    await rig.chat.until("Everything is stopped.")
    going.set()
    await rig.chat.until("nothing is done until the host lifts it")
    assert (project / "a.txt").read_text() == "two\n"
    assert "revert.started" not in rig.audit.names()


async def test_who_may_not_see_the_project_sees_nothing_of_it(rig: Rig) -> None:
    await done(rig)
    rig.policy.table["/diff"] = Denied(RULE, "not yours")
    await rig.says("/diff 1", BOB)
    await rig.chat.until("not yours")
    assert "changes.shown" not in rig.audit.names()


@pytest.mark.parametrize("words", ["/diff 99", "/revert 99", "/tree merge 99"])
async def test_a_job_that_is_not_there_is_said(rig: Rig, words: str) -> None:
    await rig.says(words)
    await rig.chat.until("no such job")


async def test_a_job_that_changed_nothing_says_so(rig: Rig) -> None:
    rig.agent.script = lambda _: None
    await done(rig)
    await rig.says("/diff 1")
    await rig.chat.until("Job 1 changed no files.")


async def test_a_job_that_runs_is_shown_later(rig: Rig) -> None:
    going = asyncio.Event()
    rig.agent.script = lambda _: going.wait()
    await rig.says("/run mend it")
    while not rig.runs:
        await asyncio.sleep(0)
    await rig.says("/diff 1")
    await rig.chat.until("not ended yet")
    going.set()


async def test_a_command_has_no_changes_to_be_shown(rig: Rig) -> None:
    await rig.says("/git status")
    await rig.chat.until("all done")
    while rig.runs:
        await asyncio.sleep(0)
    await rig.says("/diff 1")
    await rig.chat.until("only what an agent changes is kept")


async def test_without_a_snapshot_the_agent_is_refused_and_told_why(rig: Rig) -> None:
    rig.workbench.failure = AgentFailed("no git here")
    said: list[str] = []

    async def tries(puppet: Puppet) -> None:
        said.append(await puppet.call("Edit"))

    rig.agent.script = tries
    await done(rig)
    assert "nothing may be changed in it" in said[0]
    await rig.says("/diff 1")
    await rig.chat.until("no git here")


async def test_the_commit_button_is_the_recipe_with_the_jobs_title(rig: Rig) -> None:
    rig.policy.known = (
        *rig.policy.known,
        Recipe(
            ("commit",),
            "commit",
            ("git", "commit", "--message", "{message}"),
            (Parameter("message", ParameterKind.TEXT),),
            source=RULE,
        ),
    )
    rig.policy.table["/commit mend it"] = Allowed(RULE)
    await done(rig)
    await rig.says("/diff 1")
    await rig.chat.until("demo · 3 files")
    await rig.clicks(rig.button("Commit"))
    while len(rig.agent.tasks) < 2:
        await asyncio.sleep(0)
    assert rig.agent.tasks[1].work.argv == ("git", "commit", "--message", "mend it")  # type: ignore[union-attr]


async def test_a_job_in_a_worktree_runs_beside_the_one_in_the_project(
    rig: Rig, project: Path
) -> None:
    going = asyncio.Event()
    places: list[str] = []

    async def works(puppet: Puppet) -> None:
        places.append(puppet.task.directory)
        if len(places) == 2:
            going.set()
        await going.wait()
        await edits(puppet)

    rig.agent.script = works
    await rig.says("/run mend it")
    await rig.says("/worktree mend it, too")
    text = await rig.chat.until("dispatch/2")
    assert sorted(places) == ["", f"{project}/.dispatch/worktrees/2"]
    assert "3 files changed +4 −2" in text
    git(project, "checkout", "--quiet", ".")
    (project / "key.txt").unlink()
    while rig.runs:
        await asyncio.sleep(0)
    await rig.clicks(rig.button("Merge"))
    await rig.chat.until("Job 2 is merged")
    assert (project / "a.txt").read_text() == "two\n"
    assert "worktree.settled" in rig.audit.names()


async def test_a_worktree_is_removed_only_when_somebody_is_sure(rig: Rig, project: Path) -> None:
    await done(rig, "/worktree mend it")
    place = project / ".dispatch/worktrees/1"
    await rig.chat.until("dispatch/1")
    await rig.clicks(rig.button("Remove"))
    await rig.chat.until("with all that is only there?")
    assert (place / "a.txt").read_text() == "two\n"
    await rig.clicks(rig.button("Yes, remove"))
    await rig.chat.until("are gone")
    assert not place.exists()


async def test_a_session_goes_on_in_its_worktree(rig: Rig, project: Path) -> None:
    await done(rig, "/worktree mend it")
    rig.agent.script = lambda _: None
    await rig.says("and the rest")
    while len(rig.agent.tasks) < 2:
        await asyncio.sleep(0)
    assert rig.agent.tasks[1].directory == f"{project}/.dispatch/worktrees/1"


async def test_what_the_log_cannot_take_is_not_shown(rig: Rig) -> None:
    await done(rig)
    await rig.says("/diff 1")
    await rig.chat.until("demo · 3 files")
    rig.audit.broken = "disk full"
    await rig.says("/diff 1 1")
    await rig.chat.until("disk full")
    assert not any("1/3" in text for text in rig.chat.messages.values())


async def test_a_job_in_a_worktree_writes_files_nowhere_else(rig: Rig, project: Path) -> None:
    place = f"{project}/.dispatch/worktrees/1"
    said: list[str] = []

    async def strays(puppet: Puppet) -> None:
        for path in (f"{project}/a.txt", f"{place}/../../../a.txt", f"{place}/a.txt"):
            said.append(await puppet.call("Edit", f"call-{len(said)}", file_path=path))
        beside = ToolCall("call-3", "Edit", {"file_path": "a.txt"}, f"{place}2")
        verdict = await puppet.judge(beside)
        said.append(verdict.reason if isinstance(verdict, Refuse) else "ok")

    rig.agent.script = strays
    await done(rig, "/worktree mend it")
    assert "its own worktree" in said[0]
    assert "its own worktree" in said[1]
    assert said[2] == "ok"
    assert "its own worktree" in said[3]


async def test_whatever_begins_a_job_in_a_project_with_worktrees_it_gets_one(
    tmp_path: Path, project: Path
) -> None:
    with_trees = Project(DEMO, str(project), work=Workplace.WORKTREE)
    (tmp_path / "state").mkdir()
    rig = Rig(tmp_path / "state", policy(), with_trees)
    file = IncomingFile(FileKind.PHOTO, "photo-1", size=5)
    rig.far_files.content["photo-1"] = b"photo"
    note = IncomingFile(FileKind.VOICE, "voice-1", size=6, seconds=3)
    rig.far_files.content["voice-1"] = b"sound!"
    rig.transcriber.words = "mend it"
    async with running(rig):
        await rig.says("/project demo")
        await rig.intake([replace(message("", 500), files=(file,))])
        await rig.chat.until_button("Look at it")
        await rig.clicks(rig.button("Look at it"))
        await rig.chat.until("Job 1 ✓ done")
        await rig.says("/new")
        await rig.intake([replace(message("", 501), files=(note,))])
        await rig.chat.until("I understood:")
        await rig.clicks(rig.button("Run it"))
        await rig.chat.until("Job 2 ✓ done")
        await rig.says("/new")
        await rig.says("who wrote Dune?")
        await rig.chat.until("Job 3 ✓ done")
    trees = [f"{project}/.dispatch/worktrees/{number}" for number in (1, 2)]
    assert [task.directory for task in rig.agent.tasks] == [*trees, ""]
