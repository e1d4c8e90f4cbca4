"""Notes go out in words and are found again in whatever comes back."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from appliance.core import anchors
from appliance.core.model import ENGLISH, Style, Wording

ORIGIN = "dispatch-audit/" + "0123456789abcdef" * 2


def line(name: str, raw: bytes) -> str:
    return f"— {name} {b64encode(raw).decode()}\n"


def note(size: int = 1234, epoch: bytes = b"\xfa\xfb\xfc\xfd") -> str:
    root = b64encode(bytes(range(32))).decode()
    signatures = line(ORIGIN, b"iden" + b"\xfb" * 64) + line(ORIGIN, epoch + b"\x01" * 64)
    return f"{ORIGIN}\n{size}\n{root}\n\n{signatures}"


NOTE = note()


def test_a_note_tells_size_root_and_the_epoch_that_signed_it() -> None:
    stated = anchors.stated(NOTE)
    assert stated == anchors.Stated(ORIGIN, 1234, bytes(range(32)), "fafbfcfd")


def test_a_checkpoint_is_quiet_says_what_it_is_for_and_holds_the_whole_note() -> None:
    reply = anchors.checkpoint(NOTE)
    assert reply.silent
    assert isinstance(reply.body, Wording)
    first, why, *_ = reply.body.text.split("\n")
    assert first == "Audit checkpoint · 1,234 records"
    assert why.startswith("Keep this message")
    body = reply.body.rich(ENGLISH)
    (block,) = (span for span in body.spans if span.style is Style.PRE)
    assert reply.body.text[block.start : block.start + block.length] + "\n" == NOTE
    assert list(anchors.find(reply.body.text)) == [NOTE]


def test_one_record_is_one_record() -> None:
    assert "· 1 record\n" in anchors.checkpoint(note(1)).body.text


def test_the_public_key_is_a_quiet_message_of_its_own() -> None:
    reply = anchors.public_key(f"{ORIGIN}+fafbfcfd+AAAA")
    assert reply.silent
    assert f"{ORIGIN}+fafbfcfd+AAAA" in reply.body.text


def test_a_note_is_found_among_words() -> None:
    assert list(anchors.find(f"Bot, [12:01]:\nAudit checkpoint\n{NOTE}\nand so on")) == [NOTE]


def test_a_note_is_found_as_mail_and_chats_change_it() -> None:
    lines = NOTE.split("\n")
    for changed in (
        NOTE.rstrip("\n"),
        NOTE.replace("\n", "\r\n"),
        "".join(f"> {text}\n" for text in lines),
        "".join(f"    {text}  \n" for text in lines),
        "".join(f"│ {text}\n" for text in lines),
        NOTE.replace("—", "--"),
        NOTE.replace("—", "–"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n—", "\n\n—"),
        NOTE.replace("— ", "— \n").replace(f"{ORIGIN} ", f"{ORIGIN}\n"),
    ):
        assert list(anchors.find(changed)) == [NOTE], changed


def test_all_notes_of_a_file_are_found() -> None:
    notes = [note(size) for size in (1, 20, 300)]
    assert list(anchors.find("\n" + "\n".join(notes))) == notes


def test_a_cosigned_note_keeps_its_cosignature() -> None:
    cosigned = NOTE + line("witness.example/w1", b"w1id" + bytes(72))
    assert list(anchors.find(f"text\n{cosigned}text")) == [cosigned]


def test_what_is_no_note_is_not_found() -> None:
    for text in (
        "",
        "hello",
        NOTE.replace("1234", "12x4"),
        NOTE.split("—")[0],
        NOTE.replace("AAEC", "AA C"),
    ):
        assert list(anchors.find(text)) == [], text


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_words_around_a_note_are_passed_over(before: str, after: str) -> None:
    assert NOTE in list(anchors.find(f"{before}\n{NOTE}\n{after}"))
