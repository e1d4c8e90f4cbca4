"""How `dispatchctl` talks to a running `dispatchd`: one local socket, one line per request.

Standard library only and quick to import. The protocol is told in `appliance.chat.terminal`.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from appliance.errors import ApplianceError, ChatUnavailable

MAX_LINE_BYTES = 64_000_000
"""Of an answer: a post may bring a file."""


class Refused(ApplianceError):
    """dispatchd answered that it will not do this, and why."""


class ControlClient:
    """A connection to the daemon; use it as a context.

    Entering and every call raise ChatUnavailable when the daemon is not there, does not answer
    within `timeout_seconds` or hangs up, and Refused when it says no.
    """

    def __init__(self, socket_path: Path, timeout_seconds: float = 10.0) -> None:
        self._path = socket_path
        self._timeout = timeout_seconds
        self._socket = socket.socket(socket.AF_UNIX)
        self._lines = self._socket.makefile("rb")
        self._unread: deque[dict[str, Any]] = deque()

    def __enter__(self) -> ControlClient:
        self._socket.settimeout(self._timeout)
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self.close()
            raise _unreachable(self._path, error) from error
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, kind: str, **words: str) -> dict[str, Any]:
        """The answer to a question that the daemon knows, e.g. "status" or "login"."""
        self._write({"type": kind, **words})
        answer: dict[str, Any] = self._read_until(kind)["answer"]
        return answer

    def say(self, text: str) -> None:
        """Say something as the user who runs this; returns once it is stored."""
        self._write({"type": "say", "id": secrets.token_urlsafe(12), "text": text})
        self._read_until("stored")

    def posts(self, timeout_seconds: float | None = None) -> Iterator[dict[str, Any]]:
        """What is said to this user from now on ("post", "progress"), until the daemon stops.

        `timeout_seconds`: end when nothing was said for so long; None waits for ever.
        """
        self._socket.settimeout(timeout_seconds)
        while self._unread:
            yield self._unread.popleft()
        while True:
            try:
                yield self._read()
            except TimeoutError:
                return

    def _write(self, request: dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps({"v": 1, **request}).encode() + b"\n")
        except OSError:
            # it may have said why before it hung up
            self._read_until("error")

    def _read_until(self, kind: str) -> dict[str, Any]:
        while True:
            try:
                answer = self._read()
            except TimeoutError as error:
                raise ChatUnavailable(
                    f"dispatchd did not answer within {self._timeout:g} s",
                    hint="look at its journal: journalctl -u dispatchd",
                ) from error
            if answer["type"] == kind:
                return answer
            self._unread.append(answer)  # something said to this user in between

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline(MAX_LINE_BYTES)
        except ConnectionError as error:
            raise _unreachable(self._path, error) from error
        if not line.endswith(b"\n"):
            raise ChatUnavailable("dispatchd hung up", hint="see how it is: dispatchctl doctor")
        answer: dict[str, Any] = json.loads(line)
        if answer["type"] == "error":
            raise Refused(answer["text"], hint=answer["hint"] or None)
        return answer


def _unreachable(path: Path, error: OSError) -> ChatUnavailable:
    if isinstance(error, PermissionError):
        return ChatUnavailable(
            f"you may not use {path}", hint="ask an administrator to put you into its group"
        )
    return ChatUnavailable(
        f"dispatchd is not running: nothing listens on {path}",
        hint="start it, or name its socket in dispatch.toml",
    )
