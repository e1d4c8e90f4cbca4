"""Files of a project, sent to who asks for one and may read it, and to nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.core.events import FileSent
from appliance.core.model import (
    Allowed,
    Asks,
    Attachment,
    CommandRequest,
    Denied,
    Ended,
    Ending,
    PostKind,
)
from tests.examples import ALICE, BOB
from tests.services.rig import RULE, Rig, running

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0" + bytes(20)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    (tmp_path / "project/out").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    rig = Rig(tmp_path / "state", project=tmp_path / "project")
    rig.policy.table |= {"/send": Allowed(RULE), "Read": Allowed(RULE)}
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("Project is now demo")
        yield rig
    rig.state.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "project"


def sent(rig: Rig) -> list[Attachment]:
    return [post.reply.attachment for post in rig.chat.posts if post.reply.attachment]


async def test_a_file_is_sent_as_it_is_and_recorded_before(rig: Rig, project: Path) -> None:
    (project / "out/report.txt").write_text("all is well\n")
    await rig.says("/send out/report.txt")
    await rig.chat.until("report.txt")
    assert sent(rig) == [Attachment("report.txt", b"all is well\n")]
    (event,) = [event for event in rig.audit.events if isinstance(event, FileSent)]
    assert event.sha256 == hashlib.sha256(b"all is well\n").hexdigest()
    assert event.path == str(project / "out/report.txt")
    assert event.rule


async def test_a_picture_is_told_by_its_content(rig: Rig, project: Path) -> None:
    (project / "chart.dat").write_bytes(PNG)
    await rig.says("/send chart.dat")
    await rig.chat.until("chart.dat")
    assert sent(rig) == [Attachment("chart.dat", PNG, is_picture=True)]


async def test_who_may_not_read_it_does_not_get_it(rig: Rig, project: Path) -> None:
    (project / "a.txt").write_text("x")
    rig.policy.table["Read"] = Denied(None, "not for you")
    await rig.says("/send a.txt")
    await rig.chat.until("Not allowed: not for you")
    assert sent(rig) == []
    assert rig.workbench.ran == []
    assert "request.denied" in rig.audit.names()


async def test_what_asks_for_an_approval_is_not_sent(rig: Rig, project: Path) -> None:
    (project / "a.txt").write_text("x")
    rig.policy.table["Read"] = Asks(RULE)
    await rig.says("/send a.txt")
    await rig.chat.until("asks for an approval")
    assert sent(rig) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.txt", "there is no such file"),
        ("out", "there is no such file"),
        ("empty.txt", "it is empty"),
        ("link.txt", "it leads out of the project"),
        ("twice.txt", "another name, too"),
        ("key.txt", "something like a password or a key"),
        ("large.bin", "more than 10 MB"),
        ("pipe", "there is no such file"),
    ],
)
async def test_what_is_not_sent_is_told_in_one_sentence(
    rig: Rig, project: Path, name: str, words: str
) -> None:
    (project / "empty.txt").touch()
    (project / "link.txt").symlink_to("/etc/passwd")
    (project / "one.txt").write_text("x")
    os.link(project / "one.txt", project / "twice.txt")
    (project / "key.txt").write_text("-----BEGIN RSA PRIVATE KEY-----\nabc\n")
    with (project / "large.bin").open("wb") as large:
        large.truncate(11 * 1024 * 1024)
    os.mkfifo(project / "pipe")
    await rig.says(f"/send {name}")
    await rig.chat.until(words)
    assert sent(rig) == []


async def test_a_link_is_judged_by_where_it_leads(rig: Rig, project: Path) -> None:
    (project / ".env").write_text("harmless")
    (project / "notes.txt").symlink_to(project / ".env")
    asked = len(rig.policy.asked)
    await rig.says("/send notes.txt")
    await rig.chat.until("notes.txt")
    paths = [getattr(one, "input", {}).get("file_path") for one in rig.policy.asked[asked:]]
    assert [path for path in paths if path] == ["notes.txt", str(project / ".env")]


async def test_an_option_is_no_file(rig: Rig, project: Path) -> None:
    (project / "-n").write_text("x")
    await rig.says("/send -n")
    await rig.chat.until("-n")
    assert [file.content for file in sent(rig)] == [b"x"]


# what an answer names


async def test_files_that_an_answer_names_have_buttons(rig: Rig, project: Path) -> None:
    (project / "out/chart.png").write_bytes(PNG)
    (project / "notes.md").write_text("# notes\n")
    text = "See `out/chart.png`, [notes](notes.md) and `missing.txt`."
    rig.agent.script = lambda _: Ended(Ending.SUCCEEDED, text)
    await rig.says("draw")
    await rig.chat.until("These files are in the project:")
    await rig.clicks(rig.button("out/chart.png"))
    await rig.chat.until("On its way.")
    await rig.chat.until("chart.png")
    assert [file.name for file in sent(rig)] == ["chart.png"]
    with pytest.raises(AssertionError):
        rig.button("missing.txt")


async def test_files_that_may_not_be_read_have_no_buttons(rig: Rig, project: Path) -> None:
    (project / "a.txt").write_text("x")
    rig.policy.table["Read"] = Denied(None, "not for you")
    rig.agent.script = lambda _: Ended(Ending.SUCCEEDED, "See `a.txt`.")
    await rig.says("draw")
    await rig.chat.until("See `a.txt`.")
    await rig.says("/status")
    await rig.chat.until("running 0 of 2")
    assert not any("in the project:" in text for text in rig.chat.messages.values())


@pytest.mark.parametrize("token", ["f:1:7", "f:99:0", "f:1:99999999999", "f:x:y", "f:"])
async def test_a_made_up_button_sends_nothing(rig: Rig, token: str) -> None:
    await rig.clicks(token)
    async with asyncio.timeout(5):
        while not any(post.kind == PostKind.TOAST for post in rig.chat.posts):
            await asyncio.sleep(0)
    assert sent(rig) == []


async def test_a_button_of_another_chat_sends_nothing(rig: Rig, project: Path) -> None:
    (project / "a.txt").write_text("x")
    rig.agent.script = lambda _: Ended(Ending.SUCCEEDED, "See `a.txt`.")
    await rig.says("draw", ALICE)
    await rig.chat.until("This file is in the project:")
    await rig.clicks(rig.button("a.txt"), BOB)
    await rig.chat.until("not to be had from here")
    assert sent(rig) == []


async def test_a_button_is_judged_in_the_project_of_its_file(rig: Rig, project: Path) -> None:
    (project / "a.txt").write_text("x")
    rig.agent.script = lambda _: Ended(Ending.SUCCEEDED, "See `a.txt`.")
    await rig.says("draw")
    await rig.chat.until("This file is in the project:")
    await rig.says("/project other")
    await rig.chat.until("Project is now other")
    await rig.clicks(rig.button("a.txt"))
    await rig.chat.until("On its way.")
    asked = [each for each in rig.policy.asked if isinstance(each, CommandRequest)]
    assert [each.project for each in asked if each.words == "/send"] == ["demo"]
