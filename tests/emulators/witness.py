"""A C2SP witness for tests, on the loopback only: it refuses what a real one refuses.

    async with Witness() as witness:
        sink = WitnessSink(witness.url, parse_cosigner(witness.key), prove)
        witness.trust(identity_key)       # whose checkpoints are taken; anybody's until then
        witness.answers = [(503, b"")]    # what is answered first, instead

Written from c2sp.org/tlog-witness and c2sp.org/tlog-cosignature; only the tree's arithmetic and
the reading of notes are the program's own, which have tests of their own.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, parse_note
from appliance.core.merkle import roots_by_consistency

NAME = "witness.test/w1"
AT = 1_800_000_000
PATH = "/submit/add-checkpoint"


class Witness:
    """Keeps the latest checkpoint of one log."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        public = self._private.public_key().public_bytes_raw()
        self._key_id = sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]
        encoded = b64encode(b"\x04" + public).decode()
        self.key = f"{NAME}+{self._key_id.hex()}+{encoded}"
        self.url = ""
        self.seen: Checkpoint | None = None
        self.requests: list[str] = []
        self.answers: list[tuple[int, bytes]] = []
        self._trusted: PublicKey | None = None

    def trust(self, key: PublicKey) -> None:
        """From now on only checkpoints that this key has signed are taken."""
        self._trusted = key

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post(PATH, self._add_checkpoint)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/submit"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _add_checkpoint(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.requests.append(text)
        if self.answers:
            status, content = self.answers.pop(0)
            return web.Response(status=status, body=content)
        try:
            return self._judge(text)
        except ValueError as error:
            return web.Response(status=400, text=str(error))

    def _judge(self, text: str) -> web.Response:
        head, _, signed = text.partition("\n\n")
        note = parse_note(signed)
        first, *hashes = head.split("\n")
        word, _, size = first.partition(" ")
        if word != "old" or int(size) > note.checkpoint.size or len(hashes) > 63:
            raise ValueError("malformed")
        if self._trusted is not None and not note.signed_by(self._trusted):
            return web.Response(status=403)
        if int(size) != (self.seen.size if self.seen else 0):
            return self._conflict()
        if self.seen is not None and note.checkpoint.size == self.seen.size:
            if note.checkpoint.root != self.seen.root:
                return self._conflict()
        elif not self._continues(note, [b64decode(line, validate=True) for line in hashes]):
            return web.Response(status=422)
        self.seen = note.checkpoint
        return web.Response(text=self._cosignature(note.checkpoint))

    def _continues(self, note: Note, proof: list[bytes]) -> bool:
        if self.seen is None:
            return not proof
        roots = roots_by_consistency(self.seen.size, note.checkpoint.size, self.seen.root, proof)
        return roots == (self.seen.root, note.checkpoint.root)

    def _conflict(self) -> web.Response:
        size = self.seen.size if self.seen else 0
        return web.Response(status=409, text=f"{size}\n", content_type="text/x.tlog.size")

    def _cosignature(self, checkpoint: Checkpoint) -> str:
        message = f"cosignature/v1\ntime {AT}\n{checkpoint.text()}"
        raw = self._key_id + struct.pack(">Q", AT) + self._private.sign(message.encode())
        return f"— {NAME} {b64encode(raw).decode()}\n"
