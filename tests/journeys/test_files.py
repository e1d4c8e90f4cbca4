"""Files from a phone and back to it, over the real client, the real daemon and the real CLI."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from appliance.voice.transcriber import is_installed
from tests.emulators.anthropic import Asked, Call, Turn, returned, says
from tests.journeys.house import ALICE, STRANGER, House
from tests.journeys.story import Story
from tests.voice import tiny_model
from tests.voice.test_transcriber import note

pytestmark = pytest.mark.real_cli


def png(wide: int = 32, high: int = 32) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xff\x80\x00" * wide for _ in range(high))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def images(asked: Asked) -> list[dict[str, Any]]:
    """The pictures that came with the results of the last tool calls."""
    found = [result.get("content") for result in asked.results]
    blocks = [block for content in found if isinstance(content, list) for block in content]
    return [block for block in blocks if block.get("type") == "image"]


def read(path: Path) -> Call:
    return Call("Read", {"file_path": str(path)})


async def test_a_photo_is_looked_at_and_a_picture_comes_back(
    tmp_path: Path, claude_program: Path
) -> None:
    inbox = tmp_path / "state-inbox"
    turns = (
        Turn("I look.", (read(inbox / "1/photo.jpg"),), says("what is this?")),
        Turn("", (Call("Bash", {"command": "make chart"}),), lambda asked: bool(images(asked))),
        Turn("Orange. I drew `chart.png`.", when=returned("")),
        Turn("I looked.", when=says("Look at the files")),
    )
    rules = ["p, owner, *, bash, make chart, allow"]
    title = "Pictures and files go there and come back; for what cannot be, there is a sentence."
    async with (
        House(tmp_path, claude_program, *turns, rules=rules, owner="alice") as house,
        Story(house, "files", title) as story,
    ):
        (house.project / "Makefile").write_text("chart:\n\t@cp seed.png chart.png\n")
        (house.project / "seed.png").write_bytes(png())
        house.tg.user_sends_photo(STRANGER, png(), "what is this?")
        await story.sends_photo(png(), "what is this?")
        await story.reads("I drew chart.png")
        await story.presses("chart.png")
        await house.tg.until(lambda: any("photo" in sent for sent in house.tg.sent(ALICE)))
        (shown,) = [sent for sent in house.tg.sent(ALICE) if "photo" in sent]
        assert house.tg.files[shown["photo"][-1]["file_id"]] == png()

        await story.sends_file("more.csv", b"c,d\n")
        await story.presses("Look at it")
        await story.reads("I looked.")
        assert (inbox / "2/more.csv").exists()

        before = len(house.tg.downloads)
        await story.sends_file("film.mkv", b"x", "cut this", size=25 * 2**20)
        await story.sends_file("", b"OggS", kind="voice", mime="audio/ogg")
        await story.sends_oddity("a sticker", sticker={"file_id": "s"})
        await story.sends_oddity("a place", location={"latitude": 1.0, "longitude": 2.0})
        await story.says("/send .env")
        await story.says("/send READMEE.md")
        await story.says("/send README.md")
        assert len(house.tg.downloads) == before
        # of the stranger's photo, and of each photo's small sizes, nothing was fetched
        assert before == 2
        assert house.kinds().count("file.received") == 2
        assert house.tg.token.encode() not in house.log_text()


async def test_albums_come_as_one_and_a_job_reads_only_what_came_with_it(
    tmp_path: Path, claude_program: Path
) -> None:
    inbox = tmp_path / "state-inbox"
    turns = (
        Turn("Three of them.", when=says("compare these")),
        Turn("It is a list.", when=says("sum it up")),
        Turn("And again.", (read(inbox / "1/photo.jpg"),), says("and this?")),
        Turn("Only mine.", (read(inbox / "3/a.csv"),), lambda asked: "refused" in asked.text),
        Turn("Two columns.", when=returned("1,2")),
        Turn("I may not.", (Call("Write", {"file_path": str(inbox / "4/x"), "content": "x"}),),
             says("write there")),
        Turn("So be it.", when=returned("")),
    )  # fmt: skip
    async with House(tmp_path, claude_program, *turns) as house:
        for number in range(3):
            caption = "compare these" if number == 1 else None
            house.tg.user_sends_photo(ALICE, png(), caption, media_group_id="g1")
        await house.reads("Three of them.")
        names = sorted(path.name for path in (inbox / "1").iterdir())
        assert names == ["photo-2.jpg", "photo-3.jpg", "photo.jpg"]

        house.tg.user_sends_file(ALICE, "list.csv", b"a,b\n")
        assert "list.csv" in await house.reads("What shall be done with this?")
        house.tg.user_says(ALICE, "/run sum it up")
        await house.reads("It is a list.")
        assert (inbox / "2/list.csv").read_bytes() == b"a,b\n"

        house.tg.user_sends_file(ALICE, "../a.csv", b"1,2\n", "/run and this?")
        await house.reads("Two columns.")
        await house.reads("refused")
        assert [path.name for path in (inbox / "3").iterdir()] == ["a.csv"]

        house.tg.user_sends_file(ALICE, "b.csv", b"3,4\n", "/run write there")
        await house.reads("So be it.")
        assert [path.name for path in (inbox / "4").iterdir()] == ["b.csv"]


async def test_a_daemon_killed_while_files_come_in_fetches_them_again(
    tmp_path: Path, claude_program: Path
) -> None:
    async with House(tmp_path, claude_program, Turn("Seen.", when=says("sum up"))) as house:
        house.tg.fail("download", 500, times=2)
        house.tg.user_sends_file(ALICE, "a.csv", b"1,2\n", "sum up")
        await house.tg.until(lambda: bool(house.tg.downloads))
        await house.kill()
        await house.start()
        await house.reads("Seen.")
        assert (tmp_path / "state-inbox/1/a.csv").read_bytes() == b"1,2\n"
        assert house.kinds().count("job.started") == 1


class HouseWithEars(House):
    """With [voice], and a model that has learnt nothing."""

    def _settings(self) -> str:
        return super()._settings() + f'[voice]\nmodel = "{self.home}/model.bin"\n'


@pytest.mark.skipif(not is_installed(), reason="dispatch-appliance[voice]")
async def test_speech_is_written_down_behind_the_wall_and_asked_about(tmp_path: Path) -> None:
    tiny_model.write(tmp_path / "model.bin")
    async with HouseWithEars(tmp_path, None) as house:
        house.tg.user_sends_file(ALICE, "", note(), kind="voice", mime="audio/ogg")
        assert re.search(r"\bw[0-9]+", await house.reads("I understood:"))
        house.press("Discard")
        await house.reads("Discarded.")
        house.tg.user_sends_file(ALICE, "", b"no sound", kind="voice", mime="audio/ogg")
        await house.reads("there is no sound in it that I can decode")
        assert house.kinds().count("speech.heard") == 1
        assert "job.queued" not in house.kinds()
