"""Encrypted streams: what others can open, what they have made, and what was changed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from appliance.backup.age import (
    CHUNK_BYTES,
    Identity,
    Key,
    Lock,
    Opening,
    Passphrase,
    Recipient,
    Sealing,
)
from appliance.errors import BackupUnusable

rage: Any = pyrage

WEAK = 4  # tests need not wait
PASSPHRASE = Passphrase("correct horse battery", WEAK)
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 5 * CHUNK_BYTES + 7)


def identity() -> Identity:
    return Identity(X25519PrivateKey.generate().private_bytes_raw())


def sealed(content: bytes, lock: Lock = PASSPHRASE, step: int = 1000) -> bytes:
    out = io.BytesIO()
    sealing = Sealing(out, lock)
    for start in range(0, len(content), step):
        sealing.write(content[start : start + step])
    sealing.finish()
    return out.getvalue()


def opened(file: bytes, key: Key = PASSPHRASE, step: int = 10_000) -> bytes:
    opening = Opening(io.BytesIO(file), key)
    return b"".join(iter(lambda: opening.read(step), b""))


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_opened(size: int) -> None:
    content, mine = os.urandom(size), identity()
    assert opened(sealed(content)) == content
    assert opened(sealed(content, mine.recipient), mine) == content


@pytest.mark.parametrize("size", SIZES)
def test_others_open_what_we_have_sealed(size: int) -> None:
    content = os.urandom(size)
    other = rage.x25519.Identity.generate()
    to = Recipient.parse(str(other.to_public()))
    assert rage.decrypt(sealed(content, to), [other]) == content
    assert rage.passphrase.decrypt(sealed(content), PASSPHRASE.text) == content


@pytest.mark.parametrize("size", SIZES)
def test_we_open_what_others_have_sealed(size: int) -> None:
    content = os.urandom(size)
    other, stranger = rage.x25519.Identity.generate(), rage.x25519.Identity.generate()
    file = rage.encrypt(content, [stranger.to_public(), other.to_public()])
    assert opened(file, Identity.parse(str(other))) == content


def test_we_open_what_others_have_sealed_with_a_passphrase() -> None:
    assert opened(rage.passphrase.encrypt(b"content", PASSPHRASE.text)) == b"content"


@pytest.mark.skipif(not shutil.which("age"), reason="age is not installed")
def test_the_program_age_opens_what_we_have_sealed(tmp_path: Path) -> None:
    mine = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "key").write_text(mine)
    key = Identity.parse(mine.splitlines()[-1])
    (tmp_path / "file").write_bytes(sealed(b"content", key.recipient))
    command = ["age", "-d", "-i", str(tmp_path / "key"), str(tmp_path / "file")]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"content"


def test_keys_are_written_as_others_write_them() -> None:
    other = rage.x25519.Identity.generate()
    assert str(Identity.parse(str(other)).recipient) == str(other.to_public())


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_no_bit_can_be_changed(place: int) -> None:
    file = bytearray(sealed(b"x" * 300))
    file[place] ^= 1
    with pytest.raises(BackupUnusable):
        opened(bytes(file))


@pytest.mark.parametrize("lost", [1, 16, 100, CHUNK_BYTES, CHUNK_BYTES + 16, CHUNK_BYTES + 17])
def test_what_is_cut_off_is_noticed(lost: int) -> None:
    with pytest.raises(BackupUnusable):
        opened(sealed(b"x" * 3 * CHUNK_BYTES)[:-lost])


def test_what_is_added_is_noticed() -> None:
    for added in (b"x", b"x" * 16, b"x" * (CHUNK_BYTES + 16)):
        with pytest.raises(BackupUnusable):
            opened(sealed(b"content") + added)


def test_chunks_cannot_change_places() -> None:
    file = sealed(os.urandom(3 * CHUNK_BYTES))
    chunk = CHUNK_BYTES + 16
    head, (one, two, three) = (
        file[: -3 * chunk],
        (file[-3 * chunk : -2 * chunk], file[-2 * chunk : -chunk], file[-chunk:]),
    )
    for swapped in (two + one + three, one + three, one + two + two + three):
        with pytest.raises(BackupUnusable):
            opened(head + swapped)


@pytest.mark.parametrize(
    ("lock", "key", "why"),
    [
        (PASSPHRASE, Passphrase("incorrect"), "the passphrase is wrong"),
        (PASSPHRASE, identity(), "with a passphrase and not for a key"),
        (identity().recipient, identity(), "another key"),
        (identity().recipient, PASSPHRASE, "for a key and not with a passphrase"),
    ],
)
def test_another_key_does_not_open_it(lock: Lock, key: Key, why: str) -> None:
    with pytest.raises(BackupUnusable, match=why):
        opened(sealed(b"content", lock), key)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"SQLite format 3\0",
        b"age-encryption.org/v1",
        b"age-encryption.org/v2\n",
        b"age-encryption.org/v1\n" + b"x" * 200_000,
        b"age-encryption.org/v1\n-> scrypt\n\n--- \n",
        b"age-encryption.org/v1\n" + b"-> other x\n\n" * 20_000,
        b"age-encryption.org/v1\n-> \xff\n\n---",
    ],
)
def test_what_is_no_backup_is_refused(file: bytes) -> None:
    with pytest.raises(BackupUnusable):
        opened(file)


@pytest.mark.parametrize("work", ["0", "00", "04", "21", "63", "999999", "-1", "4 4", ""])
def test_nobody_makes_us_work_for_hours(work: str) -> None:
    file = sealed(b"content").replace(b" 4\n", f" {work}\n".encode(), 1)
    with pytest.raises(BackupUnusable):
        opened(file)


def test_a_second_way_in_beside_a_passphrase_is_refused() -> None:
    file = sealed(b"content")
    head, end, rest = file.partition(b"\n---")
    with pytest.raises(BackupUnusable):
        opened(head + b"\n-> other x\n" + end + rest)


def test_a_passphrase_is_in_no_trace() -> None:
    assert "horse" not in repr(PASSPHRASE)
