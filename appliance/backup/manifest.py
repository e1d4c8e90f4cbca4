"""What is in a backup: told by its first file, and kept to by all that follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from appliance.errors import BackupUnusable

FORMAT = 1
NAME = "manifest.json"
MAX_BYTES = 256 * 1024

SETTINGS = "settings/dispatch.toml"
PROJECTS = "settings/projects.json"
POLICIES = "policies/"
STATE = "state/state.db"
GRANTS = "state/grants.csv"
LOG = "audit/audit.db"
LOG_KEY = "audit/audit.pub"
CREDENTIALS = "credentials/"

MAX_NAME = 100
"""As much as a tar header holds without an extension."""

_KIB, _MIB = 1024, 1024 * 1024
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_ .+-]{0,63}"
_KINDS: Mapping[str, tuple[re.Pattern[str], int, int]] = {
    "settings": (re.compile(re.escape(SETTINGS)), 1, 256 * _KIB),
    "projects": (re.compile(re.escape(PROJECTS)), 1, 256 * _KIB),
    "policies": (re.compile(rf"{POLICIES}({_WORD}/){{0,4}}{_WORD}"), 500, _MIB),
    "grants": (re.compile(re.escape(GRANTS)), 1, _MIB),
    "credentials": (re.compile(rf"{CREDENTIALS}[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}"), 64, 16 * _KIB),
    "log's key": (re.compile(re.escape(LOG_KEY)), 1, _KIB),
    "state": (re.compile(re.escape(STATE)), 1, 1 << 40),
    "log": (re.compile(re.escape(LOG)), 1, 1 << 40),
}
"""How a file of each kind is called, how many there may be, and how large each may be."""

_NEEDED = (SETTINGS, STATE, LOG, LOG_KEY)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. Names are paths below the backup, with "/"."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`made_at` is in milliseconds; `log_size` and `log_root` (hexadecimal) are the log's head.

    Everything but the names and sizes is for people: nothing is decided by it.
    """

    made_at: int
    host: str
    version: str
    schema: int
    log_size: int
    log_root: str
    settings_file: str
    entries: tuple[Entry, ...]

    @property
    def has_credentials(self) -> bool:
        return any(entry.name.startswith(CREDENTIALS) for entry in self.entries)

    def text(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode() + b"\n"


def parse(text: bytes) -> Manifest:
    """Raises BackupUnusable for everything that `Manifest.text` would not have written."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
            raise BackupUnusable(
                "the backup was made by another version of dispatch-appliance",
                hint="install that version, or a newer one",
            )
        entries = tuple(_entry(one) for one in found.pop("entries"))
        manifest = Manifest(**found, entries=entries)
        for field in fields(Manifest):
            value = getattr(manifest, field.name)
            if field.type in ("int", "str") and type(value).__name__ != field.type:
                raise TypeError(field.name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BackupUnusable(f"the backup does not say what is in it: {error}") from error
    check(manifest.entries)
    return manifest


def check(entries: Sequence[Entry]) -> None:
    """Raises BackupUnusable when there is anything that no backup holds, or too much of it."""
    names = [entry.name.casefold() for entry in entries]
    if len(set(names)) != len(names):
        raise BackupUnusable("the backup holds a file twice")
    for problem in _problems(entries):
        raise BackupUnusable(problem)
    for needed in _NEEDED:
        if needed not in names:
            raise BackupUnusable(f"the backup lacks {needed}")


def _problems(entries: Sequence[Entry]) -> Iterator[str]:
    counted = dict.fromkeys(_KINDS, 0)
    for entry in entries:
        kind = _kind(entry.name)
        if kind is None:
            yield f"no backup holds a file {entry.name[:200]!r}"
            return
        counted[kind] += 1
        _, most, largest = _KINDS[kind]
        if counted[kind] > most:
            yield f"the backup holds more than {most} files of {kind}"
        if not 0 <= entry.size <= largest:
            yield f"{entry.name} has {entry.size:,} bytes; {largest:,} is the most"


def _kind(name: str) -> str | None:
    if len(name) > MAX_NAME:
        return None
    return next((kind for kind, row in _KINDS.items() if row[0].fullmatch(name)), None)


def _entry(found: dict[str, object]) -> Entry:
    match found:
        case {"name": str(name), "size": int(size)} if len(found) == 2:
            return Entry(name, size)
        case _:
            raise ValueError("an entry is no name with a size")
