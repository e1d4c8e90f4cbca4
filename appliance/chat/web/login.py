"""Who may open the page: login tokens for one use, and the sessions that they start.

Both are random and kept only as SHA-256, so that neither memory nor the file can be used to log
in. No salt or slow hash: there is nothing to guess in 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.core.model import Json, Millis, UserName
from appliance.ports import Clock

log = logging.getLogger(__name__)

TOKEN_LIFE_MS = 10 * 60 * 1000
SESSION_LIFE_MS = 30 * 24 * 3600 * 1000
MAX_TOKENS = 16
MAX_SESSIONS = 100
"""More than these: the oldest goes."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A token or session id, by its hash."""

    sha256: str
    user: UserName
    expires_at: Millis


class LoginTokens:
    """Tokens for login links. In memory: a restart makes old links useless and prints new ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: list[Grant] = []

    def issue(self, user: UserName) -> str:
        token = secrets.token_urlsafe(32)
        expires_at = Millis(self._clock.now() + TOKEN_LIFE_MS)
        self._grants.append(Grant(_sha256(token), user, expires_at))
        del self._grants[:-MAX_TOKENS]
        return token

    def redeem(self, token: str) -> UserName | None:
        """Whose token this is, once; None when it is unknown, used or too old."""
        grant = _match(self._grants, token, self._clock.now())
        if grant is None:
            return None
        self._grants.remove(grant)
        return grant.user


class Sessions:
    """Open sessions, kept in a file (mode 0600) so that a restart logs nobody out.

    A file that cannot be read means that everybody logs in again; one that cannot be written, that
    they do so after the next restart. Both are logged.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._grants = _load(path)

    def open(self, user: UserName) -> str:
        """A new session's id, for the cookie."""
        session = secrets.token_urlsafe(32)
        now = self._clock.now()
        alive = [grant for grant in self._grants if grant.expires_at > now]
        opened = Grant(_sha256(session), user, Millis(now + SESSION_LIFE_MS))
        self._grants = [*alive, opened][-MAX_SESSIONS:]
        _save(self._path, self._grants)
        return session

    def user_of(self, session: str) -> UserName | None:
        grant = _match(self._grants, session, self._clock.now())
        return grant.user if grant else None


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _match(grants: Iterable[Grant], secret: str, now: Millis) -> Grant | None:
    sha256 = _sha256(secret)
    found = [grant for grant in grants if hmac.compare_digest(grant.sha256, sha256)]
    return found[0] if found and found[0].expires_at > now else None


def _load(path: Path) -> list[Grant]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("sessions cannot be read, everybody logs in again: %s", error)
        return []
    try:
        return [_grant(row) for row in json.loads(text)]
    except (ValueError, TypeError) as error:
        log.warning("%s is damaged, everybody logs in again: %s", path, error)
        return []


def _grant(row: Json) -> Grant:
    match row:
        case {"sha256": str(sha256), "user": str(user), "expires_at": int(at), **rest} if not rest:
            return Grant(sha256, UserName(user), Millis(at))
    raise ValueError("a session has a hash, a user and an end")


def _save(path: Path, grants: Iterable[Grant]) -> None:
    """Replace the file in one step; what is there is either the old list or the new one."""
    fresh = path.with_suffix(".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump([asdict(grant) for grant in grants], file)
        fresh.replace(path)
    except OSError as error:
        log.warning("sessions cannot be stored and end with this run: %s", error)
