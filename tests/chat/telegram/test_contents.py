"""Files and other things in an update: told apart, and nothing believed that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.chat.telegram.updates import read_update
from appliance.core.model import FileKind, IncomingFile, Message, Millis, Oddity


def message(**content: Any) -> Message:
    sent = {"message_id": 3, "date": 1, "from": {"id": 42}, "chat": {"id": 42}, **content}
    update = read_update({"update_id": 7, "message": sent}, "99", Millis(0))
    assert update
    assert isinstance(update.incoming, Message)
    return update.incoming


def test_a_photo_is_its_largest_size_and_its_caption_the_text() -> None:
    sizes = [{"file_id": "s", "file_size": 10}, {"file_id": "l", "file_size": 99, "width": 9}]
    found = message(photo=sizes, caption="what is this?", media_group_id="g1")
    assert found.files == (IncomingFile(FileKind.PHOTO, "l", size=99),)
    assert (found.text, found.album) == ("what is this?", "g1")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("document", FileKind.DOCUMENT),
        ("voice", FileKind.VOICE),
        ("audio", FileKind.AUDIO),
        ("video", FileKind.VIDEO),
        ("video_note", FileKind.VIDEO),
    ],
)
def test_each_kind_of_file_is_told(name: str, kind: FileKind) -> None:
    about = {"file_id": "x", "file_name": "a.b", "mime_type": "c/d", "file_size": 5, "duration": 9}
    assert message(**{name: about}).files == (IncomingFile(kind, "x", "a.b", "c/d", 5, 9),)


def test_an_animation_comes_once() -> None:
    found = message(animation={"file_id": "a"}, document={"file_id": "a"})
    assert found.files == (IncomingFile(FileKind.VIDEO, "a"),)


@pytest.mark.parametrize(
    "content",
    [
        {"photo": []},
        {"photo": "x"},
        {"photo": [{"file_id": 5}]},
        {"document": {}},
        {"document": {"file_id": ""}},
        {"document": {"file_id": "x" * 2000}},
        {"voice": ["file_id"]},
    ],
)
def test_a_file_without_an_id_is_no_file(content: Any) -> None:
    assert message(**content).files == ()


def test_sizes_and_names_of_odd_types_are_not_believed() -> None:
    odd = {"file_id": "x", "file_name": 5, "file_size": "12", "duration": -1, "mime_type": None}
    assert message(document=odd).files == (IncomingFile(FileKind.DOCUMENT, "x"),)


def test_what_is_no_file_is_called_what_it_is() -> None:
    assert message(venue={}, location={}).oddity is Oddity.LOCATION
    assert message(sticker={"file_id": "x"}).oddity is Oddity.STICKER
    assert message(text="hello").oddity is None
