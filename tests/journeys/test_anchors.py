"""Checkpoints leave a real daemon for its owner's phone, a file and a witness, and come back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from appliance.audit.checkpoint import parse_note, parse_public_key
from appliance.core import anchors
from tests.emulators.witness import NAME, Witness
from tests.journeys.house import ALICE, PATIENCE_SECONDS, House


@asynccontextmanager
async def home(directory: Path, settings: str, *, separate: bool = False) -> AsyncIterator[House]:
    """A daemon with these places for checkpoints; its project can be deployed."""
    async with House(directory, None, anchors=settings, separate_audit=separate) as house:
        (house.project / "deploy").write_text("#!/bin/sh\necho ran >> ran.txt\n")
        (house.project / "deploy").chmod(0o755)
        yield house


def config(house: House) -> tuple[str, str]:
    return "--config", str(house.home / "dispatch.toml")


async def deploys(house: House, job: int) -> None:
    """Ask for something that needs an approval, and approve it."""
    house.tg.user_says(ALICE, "/deploy prod")
    await house.tg.until(lambda: sum("May this run?" in text for text in house.texts()) == 1)
    house.press("Approve")
    await house.tg.until(lambda: any(f"Job {job} ✓" in text for text in house.texts()))


async def noticed(house: House, word: str, count: int = 1) -> str:
    """The latest notice with this word, once there are so many."""

    def found() -> list[str]:
        return [text for text in house.notices() if word in text]

    async with asyncio.timeout(PATIENCE_SECONDS):
        await house.tg.until(lambda: len(found()) >= count)
    return found()[-1]


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_true():
            await asyncio.sleep(0.02)


async def post_now(house: House) -> CompletedProcess[str]:
    """In a thread, because Telegram is played by this one."""
    return await asyncio.to_thread(house.ctl, "audit", "anchor", "post", "--json", *config(house))


def ran(house: House) -> bool:
    return (house.project / "ran.txt").exists()


def about(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]


@pytest.mark.parametrize("separate", [False, True], ids=["one process", "dispatch-audit"])
async def test_the_first_public_key_reaches_the_owner_once(tmp_path: Path, separate: bool) -> None:
    async with home(tmp_path, "", separate=separate) as house:
        house.tg.user_says(ALICE, "/status")
        notice = await noticed(house, "its public key")
        key = parse_public_key(notice.splitlines()[-1])
        assert str(key) == (house.log / "audit.pub").read_text().strip()
        assert all(
            call["params"].get("disable_notification")
            for call in house.tg.calls
            if call["method"] == "sendMessage" and "public key" in call["params"]["text"]
        )
        await house.kill()
        await house.start()
        house.tg.user_says(ALICE, "/jobs")
        await house.reads("No jobs yet")
        assert await house.stop() == 0
        assert len(house.notices()) == 1


async def test_before_an_approved_action_runs_its_approval_is_outside(tmp_path: Path) -> None:
    async with Witness() as witness:
        settings = (
            f'anchor_file = "{tmp_path}/anchors"\nwitnesses = ["{witness.url} {witness.key}"]'
        )
        async with home(tmp_path, settings) as house:
            await deploys(house, 1)
            assert ran(house)
            notice = await noticed(house, "Audit checkpoint")
            await until(lambda: len(about(house.records(), "anchor.posted")) == 3)
            records = house.records()
            (given,) = about(records, "approval.given")
            (started,) = about(records, "job.started")
            posted = about(records, "anchor.posted")
            assert {record["d"]["sink"] for record in posted} == {
                "chat",
                "file",
                witness.url.removeprefix("http://"),
            }
            for record in posted:
                assert record["d"]["size"] >= given["seq"]
                assert record["d"]["for_what"] == f"approval:{given['d']['approval']}"
            assert min(record["seq"] for record in posted) < started["seq"]

            (in_chat,) = anchors.find(notice)
            (in_file,) = anchors.find((tmp_path / "anchors").read_text())
            assert in_chat == in_file
            assert witness.seen == parse_note(in_chat).checkpoint
            listed = house.ctl("audit", "anchor", "list", "--json", *config(house))
            receipts = [json.loads(line)["receipt"] for line in listed.stdout.splitlines()]
            assert any(NAME in receipt for receipt in receipts)
            assert "intact" in house.verify()


async def test_a_newer_checkpoint_of_the_epoch_replaces_the_message(tmp_path: Path) -> None:
    async with home(tmp_path, "") as house:
        await deploys(house, 1)
        first = await noticed(house, "Audit checkpoint")
        await deploys(house, 2)
        await until(lambda: len(about(house.records(), "anchor.posted")) == 2)
        (second,) = (text for text in house.notices() if "Audit checkpoint" in text)
        ((old,), (new,)) = anchors.find(first), anchors.find(second)
        assert anchors.stated(new).size > anchors.stated(old).size
        sent = [c for c in house.tg.calls if "Audit checkpoint" in str(c["params"].get("text"))]
        assert [call["method"] for call in sent] == ["sendMessage", "editMessageText"]
        assert sent[0]["params"]["disable_notification"]


async def test_an_approved_action_that_nobody_else_knows_of_is_refused(tmp_path: Path) -> None:
    async with Witness() as witness:
        settings = f'anchor_user = "bob"\nwitnesses = ["{witness.url}"]'
        async with home(tmp_path, settings) as house:
            witness.answers = [(503, b"")] * 100
            house.tg.user_says(ALICE, "/deploy prod")
            await house.reads("May this run?")
            house.press("Approve")
            refusal = await house.reads("no audit checkpoint could be kept elsewhere")
            assert "bob has not written yet" in refusal
            assert "the witness refuses: status 503" in refusal
            await house.reads("Withdrawn")
            assert not ran(house)
            status = house.ctl("status", "--json", *config(house))
            assert "503" in json.loads(status.stdout)["parts"]["anchor trouble"]
            doctor = house.ctl("doctor", "--json", *config(house))
            checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
            assert checks["checkpoints"]["outcome"] == "warn"

            witness.answers = []
            await deploys(house, 2)
            assert ran(house)
            assert "intact" in house.verify()


async def test_a_witness_that_does_not_answer_holds_up_nobody(tmp_path: Path) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with home(tmp_path, f'witnesses = ["http://{host}:{port}"]') as house:
            async with asyncio.timeout(6):  # the witness alone would take seven
                await deploys(house, 1)
            assert ran(house)


async def test_what_the_chat_holds_is_taken_back_and_tells_of_a_roll_back(tmp_path: Path) -> None:
    async with home(tmp_path, f'anchor_file = "{tmp_path}/anchors"') as house:
        house.tg.user_says(ALICE, "/status")
        await house.reads("queued 0")
        await house.stop()
        shutil.copytree(house.log, tmp_path / "copy")
        await house.start()
        await deploys(house, 1)
        message = await noticed(house, "Audit checkpoint")
        added = house.ctl("audit", "anchor", "add", message, *config(house))
        assert (added.returncode, "agrees with it, recorded" in added.stdout) == (0, True)
        posted = await post_now(house)
        report = json.loads(posted.stdout)
        assert [(sink["name"], sink["kept"]) for sink in report["sinks"]] == [
            ("chat", report["size"]),
            ("file", report["size"]),
        ]
        assert "intact" in house.verify()
        await house.stop()

        shutil.rmtree(house.log)
        shutil.copytree(tmp_path / "copy", house.log)
        added = house.ctl("audit", "anchor", "add", message, *config(house))
        assert added.returncode == 1
        assert "restored from a copy" in added.stdout
        with pytest.raises(AssertionError, match="rolled back"):
            await house.start()


async def test_nothing_is_anchored_over_and_over(tmp_path: Path) -> None:
    async with home(tmp_path, f'anchor_file = "{tmp_path}/anchors"') as house:
        await deploys(house, 1)
        await until(lambda: len(about(house.records(), "anchor.posted")) == 2)
        before = house.records()
        await post_now(house)
        await until(lambda: len(about(house.records(), "anchor.posted")) == 4)
        assert len(house.records()) == len(before) + 2
