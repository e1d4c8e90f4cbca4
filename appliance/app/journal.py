"""What our programs write to the journal: one line per message, and no secrets."""

from __future__ import annotations

import logging
import sys

from appliance.core.redact import redact

_QUIET = ("aiohttp", "aiogram", "asyncio", "casbin")


def start_logging() -> None:
    """From now on what is logged goes to stderr, which the service manager keeps."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(name)s: %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Redacting(logging.Formatter):
    """The journal gets no secrets and, at most, one line per message."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
