"""A cosignature counts when its witness made it, over this checkpoint, at the time it names."""

from __future__ import annotations

import struct
from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.cosignature import cosignatures, parse_cosigner
from tests.fakes_anchors import note_of

NAME = "witness.test/w1"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = PRIVATE.public_key().public_bytes_raw()
KEY_ID = sha256(NAME.encode() + b"\n\x04" + RAW).digest()[:4]
KEY = f"{NAME}+{KEY_ID.hex()}+" + b64encode(b"\x04" + RAW).decode()
BODY = note_of(5).partition("\n\n")[0] + "\n"


def line(body: str = BODY, at: int = 7, signed_at: int = 7, name: str = NAME) -> str:
    raw = PRIVATE.sign(f"cosignature/v1\ntime {signed_at}\n{body}".encode())
    return f"— {name} " + b64encode(KEY_ID + struct.pack(">Q", at) + raw).decode()


def test_the_line_of_the_witness_counts_and_others_are_passed_over() -> None:
    answer = f"{line(name='other.test')}\n{line()}\n"
    assert cosignatures(answer, BODY, parse_cosigner(KEY)) == [line()]


def test_without_a_key_what_can_be_read_counts() -> None:
    assert cosignatures(f"{line(at=8)}\n", BODY, None) == [line(at=8)]


@pytest.mark.parametrize(
    "answer",
    ["", "hello\n", line(at=8), line(body=BODY.replace("5", "6")), line(name="other.test")],
    ids=["nothing", "words", "another time", "another checkpoint", "another witness"],
)
def test_what_the_witness_did_not_sign_does_not_count(answer: str) -> None:
    with pytest.raises(ValueError, match="none that is valid"):
        cosignatures(answer + "\n", BODY, parse_cosigner(KEY))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "name",
        KEY.replace(KEY_ID.hex(), "00000000"),
        f"{NAME}+{KEY_ID.hex()}+" + b64encode(b"\x01" + RAW).decode(),
        KEY + "AA",
    ],
)
def test_what_is_no_key_of_a_witness_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_cosigner(key)
