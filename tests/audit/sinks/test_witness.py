"""A witness gets what it needs to be convinced, and nothing is confirmed without its word."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    origin_of,
    signature_line,
)
from appliance.audit.cosignature import Cosigner, cosignatures, parse_cosigner
from appliance.audit.sinks import witness as module
from appliance.audit.sinks.witness import WitnessSink
from appliance.core.merkle import CompactRange, consistency_spans
from appliance.errors import AnchorUnavailable
from tests.emulators.witness import NAME, Witness


class SmallLog:
    """Leaves in a list, and an identity that signs their root."""

    def __init__(self, word: str = "leaf") -> None:
        self._word = word
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        public = self._key.public_key().public_bytes_raw()
        self.key = PublicKey(origin_of(public), public)
        self.proofs: list[tuple[int, int]] = []

    def note(self, size: int) -> str:
        checkpoint = Checkpoint(self.key.name, size, self._root(0, size))
        raw = self._key.sign(checkpoint.text().encode())
        return str(Note(checkpoint, (signature_line(self.key, raw),)))

    async def prove(self, old: int, new: int) -> Sequence[bytes]:
        self.proofs.append((old, new))
        return [self._root(*span) for span in consistency_spans(old, new)]

    def _root(self, begin: int, end: int) -> bytes:
        tree = CompactRange()
        for number in range(begin, end):
            tree.append(sha256(f"{self._word} {number}".encode()).digest())
        return tree.root()


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with Witness() as made:
        made.trust(SmallLog().key)
        yield made


def sink_of(witness: Witness, log: SmallLog) -> WitnessSink:
    return WitnessSink(witness.url, parse_cosigner(witness.key), log.prove)


async def test_the_receipt_is_the_note_with_a_cosignature_that_holds(witness: Witness) -> None:
    log = SmallLog()
    receipt = await sink_of(witness, log).post(log.note(5))
    assert receipt.startswith(log.note(5))
    added = receipt.removeprefix(log.note(5))
    body = log.note(5).partition("\n\n")[0] + "\n"
    assert cosignatures(added, body, parse_cosigner(witness.key)) == [added.rstrip("\n")]
    assert NAME in added


async def test_growth_is_proved_from_what_the_witness_has_seen(witness: Witness) -> None:
    log = SmallLog()
    sink = sink_of(witness, log)
    for size in (3, 7, 7, 8, 100):
        await sink.post(log.note(size))
    assert log.proofs == [(3, 7), (7, 8), (8, 100)]
    assert witness.seen is not None
    assert witness.seen.size == 100


async def test_after_a_restart_the_witness_says_what_it_has_seen(witness: Witness) -> None:
    log = SmallLog()
    await sink_of(witness, log).post(log.note(6))
    await sink_of(witness, log).post(log.note(11))
    assert [request.split("\n")[0] for request in witness.requests] == ["old 0", "old 0", "old 6"]


async def test_a_log_that_was_cut_off_is_told_so(witness: Witness) -> None:
    log = SmallLog()
    await sink_of(witness, log).post(log.note(1234))
    with pytest.raises(AnchorUnavailable, match=r"has seen 1,234 records .* has only 5"):
        await sink_of(witness, log).post(log.note(5))


async def test_a_log_that_was_rewritten_gets_no_cosignature(witness: Witness) -> None:
    log, other = SmallLog(), SmallLog("another")
    await sink_of(witness, log).post(log.note(5))
    with pytest.raises(AnchorUnavailable, match="rewritten"):
        await sink_of(witness, other).post(other.note(9))
    with pytest.raises(AnchorUnavailable, match="another log of 5 records"):
        await sink_of(witness, other).post(other.note(5))


async def test_a_cosignature_of_somebody_else_does_not_count(witness: Witness) -> None:
    log = SmallLog()
    async with Witness() as impostor:
        sink = WitnessSink(impostor.url, parse_cosigner(witness.key), log.prove)
        with pytest.raises(AnchorUnavailable, match="no cosignature"):
            await sink.post(log.note(5))


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (403, b"", "identity key"),
        (404, b"", "does not know this log"),
        (422, b"", "rewritten"),
        (500, b"<html>", "status 500"),
        (302, b"", "status 302"),
        (409, b"many", "does not say which size"),
        (409, b"9999999999999999999999", "does not say which size"),
        (200, b"", "no cosignature"),
        (200, b"\xff\xfe", "no cosignature"),
        (200, b"\xe2\x80\x94 w AAAA\n", "no cosignature"),
        (200, b"x" * 20_000, "over 16,384 bytes"),
    ],
)
async def test_whatever_else_it_answers_is_one_sentence(
    witness: Witness, status: int, content: bytes, words: str
) -> None:
    log = SmallLog()
    witness.answers = [(status, content)]
    with pytest.raises(AnchorUnavailable, match=words) as caught:
        await sink_of(witness, log).post(log.note(5))
    assert "\n" not in caught.value.message
    await sink_of(witness, log).post(log.note(5))


async def test_a_witness_that_changes_its_mind_is_not_asked_for_ever(witness: Witness) -> None:
    log = SmallLog()
    witness.answers = [(409, b"2\n"), (409, b"3\n"), (409, b"4\n")]
    with pytest.raises(AnchorUnavailable, match="does not take the size"):
        await sink_of(witness, log).post(log.note(5))
    assert len(witness.requests) == 2


async def test_a_witness_that_is_not_there_is_named() -> None:
    log = SmallLog()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/w/"
        sink = WitnessSink(url, None, log.prove)
        assert sink.name == url.removeprefix("http://").rstrip("/")
        with pytest.raises(AnchorUnavailable, match="cannot be reached"):
            await sink.post(log.note(5))


async def test_a_witness_that_never_answers_is_waited_for_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    hung_up = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(AnchorUnavailable, match="cannot be reached"):
            await WitnessSink(f"http://{host}:{port}", None, SmallLog().prove).post(
                SmallLog().note(5)
            )
        await hung_up.wait()


def test_a_key_is_read_as_the_witness_gives_it(witness: Witness) -> None:
    cosigner = parse_cosigner(witness.key)
    assert isinstance(cosigner, Cosigner)
    assert b64encode(b"\x04" + cosigner.raw).decode() == witness.key.split("+", 2)[2]
