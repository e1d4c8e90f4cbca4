from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.checkpoint import (
    Checkpoint,
    PublicKey,
    decode_key,
    encode_key,
    note,
    origin_of,
    parse_note,
    parse_public_key,
)
from appliance.audit.keys import SigningKey

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ORIGIN = origin_of(KEY.public)
PUBLIC = PublicKey(ORIGIN, KEY.public)
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(32))
NOTE = note(CHECKPOINT, PUBLIC, KEY.sign(CHECKPOINT))


def test_a_checkpoint_is_three_lines() -> None:
    assert CHECKPOINT.text() == f"{ORIGIN}\n7\n{'A' * 43}=\n"


def test_the_example_of_the_specification_verifies() -> None:
    """The key of golang.org/x/mod/sumdb/note's documentation, a format test from outside."""
    key = parse_public_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert key.name == "PeterNeumann"
    assert str(key) == ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


def test_notes_and_keys_come_back_as_they_were() -> None:
    assert parse_note(str(NOTE)) == NOTE
    assert parse_public_key(f"{PUBLIC}\n") == PUBLIC
    assert decode_key(encode_key(KEY.public)) == KEY.public


def test_only_the_signer_of_exactly_this_checkpoint_has_signed_it() -> None:
    other = SigningKey(Ed25519PrivateKey.generate())
    assert NOTE.signed_by(PUBLIC)
    assert not NOTE.signed_by(PublicKey(ORIGIN, other.public))
    assert not NOTE.signed_by(PublicKey("another/log", KEY.public))
    assert not PUBLIC.signed(Checkpoint(ORIGIN, 8, bytes(32)), KEY.sign(CHECKPOINT))
    assert not PUBLIC.signed(CHECKPOINT, b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        str(NOTE)[:-1],
        str(NOTE) + "\n",
        str(NOTE).replace("—", "-"),
        str(NOTE).replace("\n7\n", "\n07\n"),
        str(NOTE).replace("\n7\n", "\n0\n"),
        str(NOTE).replace("\n7\n", "\n-7\n"),
        str(NOTE).replace("\n7\n", "\n\u0667\n"),
        str(NOTE).replace("AAA=", "AAB="),
        str(NOTE).replace("AAA=", "AAA"),
        str(NOTE).replace("\n\n", "\nextension\n\n"),
        str(NOTE).replace(ORIGIN, "a b"),
        str(NOTE).replace(ORIGIN, ""),
        CHECKPOINT.text() + "\n",
        str(NOTE) + "x" * 5_000 + "\n",
    ],
)
def test_a_malformed_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_note(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        str(PUBLIC)[:-4],
        str(PUBLIC).replace("+", "-"),
        f"x{PUBLIC}",
        f"{ORIGIN}+{PUBLIC.id.hex()}+{base64.b64encode(bytes([2]) + KEY.public).decode()}",
    ],
)
def test_a_malformed_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_public_key(text)


@given(st.text(max_size=80))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (parse_note, parse_public_key, decode_key):
        with pytest.raises(ValueError, match=r"\w"):
            parse(text)
