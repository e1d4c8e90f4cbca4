"""What the agent reads: the word that a tunnel is open, or one sentence that says why not.

The sentence stands in the status line as well, because that is all that pip and others show.
"""

from __future__ import annotations

import re

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

MAX_SENTENCE = 300
_NOT_SHOWN = re.compile(r"[^\x20-\x7e]+")


class Refused(Exception):
    """A connection is not made: the HTTP status, and the reason in one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def refusal(refused: Refused) -> bytes:
    """The whole answer. Whatever the reason contains, it stays one sentence on one line."""
    sentence = _NOT_SHOWN.sub(" ", refused.reason).strip()[:MAX_SENTENCE]
    body = f"{sentence}\n"
    return (
        f"HTTP/1.1 {refused.status} {sentence}\r\n"
        "Content-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n"
        f"\r\n{body}"
    ).encode()
