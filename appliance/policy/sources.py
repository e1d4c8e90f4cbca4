"""The files of a policy directory, read once, whole and with limits.

A file that would be passed over in silence may hold the rule somebody relies on, so a visible
file that is none of ours is a mistake ("rules.CSV", "deny.txt").
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import PolicyError

MODEL, COMMANDS = "model.conf", "commands.toml"
MAX_FILES = 100
MAX_FILE_BYTES = 2_000_000

_PASSED_OVER = re.compile(r"\..*|.*~|.*\.(md|bak|orig|dpkg-\w+|ucf-\w+|rpm\w+)", re.DOTALL)
"""Documentation, and what editors and package managers leave behind."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text. `name` is how people see it: "policies/rules.csv"."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of the policy; `sha256` changes when any of them does."""

    directory: str
    model: Source
    commands: Source
    rules: tuple[Source, ...]
    sha256: str


def read(directory: Path, mistakes: list[str]) -> Sources:
    """The files of the directory. Raises PolicyError when it or a file cannot be read at all."""
    contents = _contents(directory, mistakes)
    mistakes += [
        f"{directory.name}/{needed}:1: there is no such file"
        for needed in (MODEL, COMMANDS)
        if needed not in contents
    ]
    texts = {name: _decoded(directory, name, raw, mistakes) for name, raw in contents.items()}
    csv = sorted(name for name in texts if name.endswith(".csv"))
    return Sources(
        directory=str(directory),
        model=Source(f"{directory.name}/{MODEL}", texts.get(MODEL, "")),
        commands=Source(f"{directory.name}/{COMMANDS}", texts.get(COMMANDS, "")),
        rules=tuple(Source(f"{directory.name}/{name}", texts[name]) for name in csv),
        sha256=_fingerprint(contents),
    )


def _contents(directory: Path, mistakes: list[str]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    try:
        names = sorted(entry.name for entry in directory.iterdir())
        for name in names:
            if name in (MODEL, COMMANDS) or (name.endswith(".csv") and not name.startswith(".")):
                contents[name] = _content(directory / name)
            elif not _PASSED_OVER.fullmatch(name):
                mistakes.append(
                    f"{directory.name}/{name}:1: not a policy file; rules are in *.csv, "
                    "notes in *.md"
                )
    except OSError as error:
        raise PolicyError(
            f"cannot read the policy {error.filename or directory}: {error.strerror}",
            hint="the directory is `policies` in [daemon] of dispatch.toml",
        ) from error
    if len(contents) > MAX_FILES:
        raise PolicyError(f"more than {MAX_FILES} policy files in {directory}")
    return contents


def _content(file: Path) -> bytes:
    if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
        raise PolicyError(f"{file} is no regular file of at most {MAX_FILE_BYTES} bytes")
    return file.read_bytes()


def _decoded(directory: Path, name: str, raw: bytes, mistakes: list[str]) -> str:
    where = f"{directory.name}/{name}"
    if raw.startswith(b"\xef\xbb\xbf"):
        mistakes.append(f"{where}:1: begins with a byte order mark; save as UTF-8 without BOM")
        return ""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        mistakes.append(f"{where}:{line}: not UTF-8; save the file as UTF-8")
        return ""
    mistakes += [
        f"{where}:{number}: {hidden}; delete it"
        for number, line in enumerate(text.split("\n"), 1)
        if (hidden := hidden_in(line))
    ]
    return text


def hidden_in(text: str) -> str:
    """What in the text does not show, or shows as something else; "" when nothing does."""
    for character in text:
        category = unicodedata.category(character)
        is_odd_blank = category == "Zs" and character != " "
        if (category[0] == "C" and character != "\t") or category in ("Zl", "Zp") or is_odd_blank:
            return f"an invisible character (U+{ord(character):04X})"
    return ""


def _fingerprint(contents: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, raw in contents.items():
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return whole.hexdigest()
