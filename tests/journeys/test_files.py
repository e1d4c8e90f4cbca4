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
        Turn("And again.", (read(inbox / "1/photo.jpg"),), says("and this?")),
        Turn("Only mine.", (read(inbox / "2/a.csv"),), lambda asked: "refused" in asked.text),
        Turn("Two columns.", when=returned("1,2")),
        Turn("I may not.", (Call("Write", {"file_path": str(inbox / "3/x"), "content": "x"}),),
             says("write there")),
        Turn("So be it.", when=returned("")),
    )  # fmt: skip
    rules = ["p, owner, *, bash, make chart, allow"]
    async with House(tmp_path, claude_program, *turns, rules=rules) as house:
        (house.project / "Makefile").write_text("chart:\n\t@cp seed.png chart.png\n")
        (house.project / "seed.png").write_bytes(png())
        house.tg.user_sends_photo(STRANGER, png(), "what is this?")
        house.tg.user_sends_photo(ALICE, png(), "what is this?")
        await house.reads("I drew chart.png")
        await house.reads("This file is in the project:")
        house.press("chart.png")
        await house.tg.until(lambda: any("photo" in sent for sent in house.tg.sent(ALICE)))
        (shown,) = [sent for sent in house.tg.sent(ALICE) if "photo" in sent]
        assert house.tg.files[shown["photo"][-1]["file_id"]] == png()

        # a job reads what came with it, and not what came with another
        house.tg.user_sends_file(ALICE, "../a.csv", b"1,2\n", "/run and this?")
        await house.reads("Two columns.")
        await house.reads("refused")
        assert [path.name for path in (inbox / "2").iterdir()] == ["a.csv"]

        house.tg.user_sends_file(ALICE, "b.csv", b"3,4\n", "/run write there")
        await house.reads("So be it.")
        assert [path.name for path in (inbox / "3").iterdir()] == ["b.csv"]

        # of the stranger's photo, and of each photo's small sizes, nothing was fetched
        assert len(house.tg.downloads) == 3
        kinds = house.kinds()
        assert kinds.count("file.received") == 3
        assert kinds.count("file.sent") == 1
        assert house.tg.token.encode() not in house.log_text()


async def test_albums_files_without_words_and_what_cannot_be_taken(
    tmp_path: Path, claude_program: Path
) -> None:
    turns = (
        Turn("Three of them.", when=says("compare these")),
        Turn("It is a list.", when=says("sum it up")),
        Turn("I looked.", when=says("Look at the files")),
    )
    async with House(tmp_path, claude_program, *turns) as house:
        inbox = tmp_path / "state-inbox"
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

        house.tg.user_sends_file(ALICE, "more.csv", b"c,d\n")
        await house.reads("more.csv")
        house.press("Look at it")
        await house.reads("I looked.")
        assert (inbox / "3/more.csv").exists()

        before = len(house.tg.downloads)
        house.tg.user_sends_file(ALICE, "film.mkv", b"x", "cut this", size=25 * 2**20)
        await house.reads("film.mkv has 25 MB; 20 MB is the most")
        house.tg.user_sends_file(ALICE, "", b"OggS", kind="voice", mime="audio/ogg")
        await house.reads("I cannot listen on this machine")
        house.tg.user_says(ALICE, sticker={"file_id": "s"})
        await house.reads("I do not understand stickers.")
        house.tg.user_says(ALICE, location={"latitude": 1.0, "longitude": 2.0})
        await house.reads("I cannot do anything with a place.")
        house.tg.user_says(ALICE, "/send .env")
        await house.reads("Not allowed")
        assert len(house.tg.downloads) == before


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
