"""Checkpoints at a witness: somebody else's machine that has seen the log grow, and signs so.

Protocol: c2sp.org/tlog-witness (add-checkpoint); what it signs: c2sp.org/tlog-cosignature. A
witness keeps only the last checkpoint of each log and takes a later one only with a proof that
it continues the former. So a log that was cut off or rewritten gets no further cosignature, and
one that is shorter than what the witness has seen is told apart here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from appliance.audit.cosignature import Cosigner, cosignatures
from appliance.core.anchors import stated
from appliance.errors import AnchorUnavailable

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

Prove = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""The hashes which prove that the log of the first size grew to that of the second.

Raises AuditUnavailable when the log cannot be read.
"""

MAX_ANSWER_BYTES = 16 * 1024
TIMEOUT_SECONDS = 7.0
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n?")
_REFUSALS = {
    400: "it does not understand the request",
    403: "it does not know this log's identity key",
    404: "it does not know this log",
    422: "it holds the log for rewritten: the proof does not fit what it has seen",
}


class WitnessSink:
    """Port `AnchorSink` for one witness at `url`, its submission prefix.

    With a `cosigner` only its signature is taken; without one whatever the address answers with,
    which proves as much as TLS does.
    """

    def __init__(self, url: str, cosigner: Cosigner | None, prove: Prove) -> None:
        self.name = re.sub(r"^https?://", "", url).rstrip("/")
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._cosigner = cosigner
        self._prove = prove
        self._seen = 0

    async def post(self, note: str) -> str:
        """See `AnchorSink`. The receipt is the note with the cosignatures below the others."""
        # late, because it costs 0.2 s that nobody without a witness should pay
        from aiohttp import ClientError, ClientSession, ClientTimeout

        try:
            async with ClientSession(timeout=ClientTimeout(total=TIMEOUT_SECONDS)) as session:
                answer = await self._submit(session, note)
        except (ClientError, OSError, TimeoutError) as error:
            raise AnchorUnavailable(
                f"the witness cannot be reached ({type(error).__name__})"
            ) from error
        size = stated(note).size
        lines = self._cosignatures(note, answer)
        self._seen = size
        return note + lines

    async def _submit(self, session: ClientSession, note: str) -> bytes:
        """Its answer; asked once more when it has seen another size than we thought."""
        size = stated(note).size
        for _ in range(2):
            async with session.post(
                self._url, data=await self._request(note), allow_redirects=False
            ) as response:
                answer = await _content(response)
                if response.status == 200:
                    return answer
                self._seen = _seen_size(response.status, answer, self._seen)
            if self._seen > size:
                raise AnchorUnavailable(
                    f"the witness has seen {self._seen:,} records of this log, which has only "
                    f"{size:,}: records were cut off, or it was restored from a copy",
                    hint="run: dispatchctl audit verify",
                )
        raise AnchorUnavailable("the witness does not take the size that it has named itself")

    async def _request(self, note: str) -> bytes:
        size = stated(note).size
        proof = await self._prove(self._seen, size) if 0 < self._seen < size else ()
        hashes = (b64encode(item).decode() + "\n" for item in proof)
        return f"old {self._seen}\n{''.join(hashes)}\n{note}".encode()

    def _cosignatures(self, note: str, answer: bytes) -> str:
        body = note.partition("\n\n")[0] + "\n"
        try:
            found = cosignatures(answer.decode(), body, self._cosigner)
        except ValueError as error:
            raise AnchorUnavailable(f"the witness answers with no cosignature: {error}") from error
        return "".join(f"{line}\n" for line in found)


def _seen_size(status: int, answer: bytes, assumed: int) -> int:
    """The size that the witness has seen. Raises AnchorUnavailable for any other answer."""
    if status != 409:
        raise AnchorUnavailable(
            f"the witness refuses: {_REFUSALS.get(status, f'status {status}')}",
        )
    match = _SIZE.fullmatch(answer)
    if match is None:
        raise AnchorUnavailable("the witness does not say which size it has seen")
    seen = int(match[1])
    if seen == assumed:
        raise AnchorUnavailable(
            f"the witness has seen another log of {seen:,} records",
            hint="run: dispatchctl audit verify",
        )
    return seen


async def _content(response: ClientResponse) -> bytes:
    content = b""
    async for chunk in response.content.iter_chunked(MAX_ANSWER_BYTES):
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise AnchorUnavailable(f"the witness answers with over {MAX_ANSWER_BYTES:,} bytes")
    return content
