"""What must not leave the machine: secrets of every kind we know or keep, and what people wrote."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.app.audit_commands.shared import printable
from appliance.app.credential_files import kept_credentials, secret_of
from appliance.config import Settings
from appliance.core.redact import redact
from appliance.errors import ApplianceError
from appliance.storage.copies import NAME
from appliance.storage.counts import said

MIN_SECRET = 4
MIN_WORDS = 8
"""A shorter message, such as "yes", would be found in every second line."""

WITHHELD = "[left out: it holds what somebody wrote]"
_ID = re.compile(r"(?<![0-9A-Za-z])\d{6,15}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Discretion:
    """`secrets` are kept on this machine, `written` is what people wrote to it."""

    secrets: Collection[str]
    written: Collection[str]

    def line(self, text: str) -> str:
        """One line that may be shown to strangers."""
        if any(words in text for words in self.written):
            return WITHHELD
        for secret in self.secrets:
            text = text.replace(secret, "[redacted credential]")
        return printable(redact(text))

    def lines(self, text: str) -> Iterator[str]:
        return map(self.line, text.splitlines())


def without_ids(text: str) -> str:
    """Long numbers are mostly somebody's account."""
    return _ID.sub("[id]", text)


def discretion(settings: Settings | None) -> Discretion:
    """By what is kept on this machine, as far as we may read it."""
    if settings is None:
        return Discretion((), ())
    written: frozenset[str] = frozenset()
    with suppress(ApplianceError):
        written = said(Path(settings.daemon.state) / NAME)
    secrets = {secret for secret in _secrets(settings) if len(secret) >= MIN_SECRET}
    return Discretion(sorted(secrets, key=len, reverse=True), set(_pieces(written)))


def _secrets(settings: Settings) -> Iterator[str]:
    directory = Path(settings.daemon.credentials)
    names: list[str] = []
    with suppress(ApplianceError):
        names = list(kept_credentials(directory))
    for name in names:
        with suppress(ApplianceError):
            yield secret_of(directory, name)


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """A message may be logged line by line, and cut."""
    for text in texts:
        for line in text.splitlines():
            if len(line.strip()) >= MIN_WORDS:
                yield line.strip()[:40]
