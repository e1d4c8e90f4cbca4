"""Archives for tests: right ones, and ones that an enemy has made."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from appliance.backup import archive
from appliance.backup.manifest import LOG, LOG_KEY, SETTINGS, STATE, Entry, Manifest

FILES: Mapping[str, bytes] = {
    SETTINGS: b"[daemon]\n",
    "policies/rules.csv": b"p, owner, *, command, *, allow\n",
    "policies/team/more.csv": b"",
    STATE: b"s" * 100_000,
    LOG: b"l" * 512,
    LOG_KEY: b"key\n",
}


def manifest_of(files: Mapping[str, bytes] = FILES, **changes: Any) -> Manifest:
    entries = tuple(Entry(name, len(content)) for name, content in files.items())
    values: dict[str, Any] = {
        "made_at": 1_800_000_000_000,
        "host": "box",
        "version": "0.1.0",
        "schema": 1,
        "log_size": 7,
        "log_root": "00" * 32,
        "settings_file": "/etc/dispatch/dispatch.toml",
        "entries": entries,
    }
    return Manifest(**{**values, **changes})


class Collected:
    """What was written."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, content: bytes) -> None:
        self.content += content


def packed(files: Mapping[str, bytes] = FILES, manifest: Manifest | None = None) -> bytes:
    manifest = manifest or manifest_of(files)
    sources = [(entry, io.BytesIO(files[entry.name])) for entry in manifest.entries]
    out = Collected()
    archive.write(out, manifest, sources, silent)
    return bytes(out.content)


def silent(_done: int, _total: int) -> None:
    return None
