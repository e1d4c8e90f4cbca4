from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.telegram.joining import FULL_UNITS, LONG_UNITS, first_unfinished, join
from appliance.core.model import (
    Click,
    FileKind,
    Incoming,
    IncomingFile,
    Message,
    Millis,
    Place,
    Platform,
    Sender,
)

HERE = Place(Platform.TELEGRAM, "42")
LONG = "x" * LONG_UNITS


def said(text: str, number: int, sender: str = "42", at: int = 0, place: Place = HERE) -> Message:
    who = Sender(Platform.TELEGRAM, sender)
    return Message(f"telegram:1:{number}", who, place, text, Millis(at), message_id=str(number))


def texts(batch: Sequence[Incoming]) -> list[str]:
    return [message.text for message in batch if isinstance(message, Message)]


def test_short_messages_stay_apart() -> None:
    batch = [said("one", 1), said("two", 2)]
    assert join(batch) == tuple(batch)
    assert first_unfinished(batch) is None


def test_a_cut_text_is_one_message_with_the_keys_of_its_pieces() -> None:
    (whole,) = join([said(LONG, 1), said(LONG, 2, at=1000), said("end", 3, at=1000)])
    assert isinstance(whole, Message)
    assert whole.text == f"{LONG}\n{LONG}\nend"
    assert (whole.key, whole.joined) == ("telegram:1:1", ("telegram:1:2", "telegram:1:3"))
    assert (whole.message_id, whole.sent_at) == ("3", 0)


def test_a_piece_without_room_for_one_more_was_cut_within_a_word() -> None:
    (whole,) = join([said("x" * FULL_UNITS, 1), said("yz", 2)])
    assert isinstance(whole, Message)
    assert whole.text == "x" * FULL_UNITS + "yz"


def test_length_is_counted_as_telegram_counts() -> None:
    assert len(join([said("\U0001f600" * (LONG_UNITS // 2), 1), said("end", 2)])) == 1


def test_somebody_else_s_message_is_not_a_piece() -> None:
    assert len(join([said(LONG, 1), said("end", 2, sender="7")])) == 2
    assert len(join([said(LONG, 1), said("end", 2, place=Place(Platform.TELEGRAM, "-1"))])) == 2


def test_a_later_message_is_not_a_piece() -> None:
    assert len(join([said(LONG, 1), said("/stop", 2, at=3000)])) == 2


def test_a_command_right_after_a_long_text_is_not_a_piece() -> None:
    long = "x" * 4090
    assert texts(join([said(long, 1), said("/stop", 2)])) == [long, "/stop"]
    assert texts(join([said(long, 1), said("/usr/bin", 2)])) == [f"{long}\n/usr/bin"]


def test_a_picture_is_not_a_piece() -> None:
    assert len(join([said(LONG, 1), said("", 2)])) == 2


def test_what_others_say_in_between_does_not_matter() -> None:
    batch = join([said(LONG, 1), said("hello", 2, sender="7"), said("end", 3)])
    assert texts(batch) == [f"{LONG}\nend", "hello"]


def test_clicks_pass_through() -> None:
    click = Click("telegram:1:2", Sender(Platform.TELEGRAM, "42"), HERE, "a:1", Millis(0))
    assert join([said("one", 1), click]) == (said("one", 1), click)


def test_a_text_is_unfinished_until_a_short_piece_ends_it() -> None:
    assert first_unfinished([said("a", 1), said(LONG, 2)]) == 1
    assert first_unfinished([None, said("a", 1), said(LONG, 2), said(LONG, 3)]) == 2
    assert first_unfinished([said(LONG, 2), said("end", 3)]) is None
    assert first_unfinished([said(LONG, 2), said("hello", 3, sender="7")]) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", LONG]), st.sampled_from("12"), st.integers(0, 3))))
def test_no_word_and_no_key_is_lost(spoken: list[tuple[str, str, int]]) -> None:
    at = 0
    batch = []
    for number, (text, sender, seconds) in enumerate(spoken):
        at += seconds * 1000
        batch.append(said(text, number, sender, at))
    joined = [message for message in join(batch) if isinstance(message, Message)]
    assert sum(len(m.text.replace("\n", "")) for m in joined) == sum(len(m.text) for m in batch)
    keys = [key for message in joined for key in (message.key, *message.joined)]
    assert sorted(keys) == sorted(message.key for message in batch)


def picture(number: int, album: str = "g", caption: str = "", who: str = "42") -> Message:
    files = (IncomingFile(FileKind.PHOTO, f"f{number}"),)
    return replace(said(caption, number, who), album=album, files=files)


def test_an_album_is_one_message_with_its_caption_as_the_task() -> None:
    parts = [picture(1), picture(2, caption="compare these"), picture(3)]
    (whole,) = join(parts)
    assert isinstance(whole, Message)
    assert [file.id for file in whole.files] == ["f1", "f2", "f3"]
    assert whole.text == "compare these"
    assert whole.joined == (parts[1].key, parts[2].key)


def test_two_albums_and_a_text_after_them_stay_apart() -> None:
    parts = [picture(1, "a"), picture(2, "a"), picture(3, "b"), said("hello", 4)]
    assert [len(one.joined) for one in join(parts) if isinstance(one, Message)] == [1, 0, 0]


def test_albums_of_two_people_stay_apart() -> None:
    assert len(join([picture(1, who="42"), picture(2, who="43")])) == 2


def test_an_album_is_waited_for_until_something_else_comes_or_it_is_full() -> None:
    assert first_unfinished([said("hello", 1), picture(2), picture(3)]) == 1
    assert first_unfinished([picture(2), said("and now?", 3)]) is None
    assert first_unfinished([picture(number) for number in range(10)]) is None


def test_files_without_an_album_do_not_wait() -> None:
    assert first_unfinished([picture(1, album="")]) is None
    assert len(join([picture(1, album=""), picture(2, album="")])) == 2
