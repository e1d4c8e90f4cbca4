"""Where files come from and who listens, for tests of the services."""

from __future__ import annotations

from collections.abc import AsyncIterator

from appliance.core.model import IncomingFile
from appliance.errors import NotHeard


class FakeFiles:
    """`content` by file id; `failures` are raised first, one for each try."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.failures: list[Exception] = []
        self.fetched: list[str] = []

    async def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        self.fetched.append(file.id)
        yield self.content[file.id][:3]
        if self.failures:
            raise self.failures.pop(0)
        yield self.content[file.id][3:]


class FakeTranscriber:
    """Understands whatever `words` say."""

    def __init__(self) -> None:
        self.words = ""
        self.failure: NotHeard | None = None
        self.heard: list[tuple[bytes, str | None]] = []

    async def transcribe(self, sound: bytes, language: str | None) -> str:
        self.heard.append((sound, language))
        if self.failure is not None:
            raise self.failure
        return self.words
