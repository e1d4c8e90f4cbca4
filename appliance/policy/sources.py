"""The files of a policy directory, read once, whole and with limits.

A file that would be passed over in silence may hold the rule somebody relies on, so a visible
file that is none of ours is a mistake ("rules.CSV", "deny.txt"). A file that is half written is not
read: nothing may change while we read, and a last line without its end is a mistake.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import PolicyError

MODEL, COMMANDS = "model.conf", "commands.toml"
MAX_FILES = 100
MAX_FILE_BYTES = 2_000_000

_ATTEMPTS = 5
_BREAK = "\n"

_PASSED_OVER = re.compile(r"\..*|.*~|.*\.(md|bak|orig|dpkg-\w+|ucf-\w+|rpm\w+)|examples", re.DOTALL)
"""Documentation, other set-ups, and what editors and package managers leave behind."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text. `name` is how people see it: "policies/rules.csv"."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of the policy; `sha256` changes when any of them does."""

    model: Source
    commands: Source
    rules: tuple[Source, ...]
    sha256: str
    granted: Source | None = None


def read(directory: Path, mistakes: list[str], granted: Source | None = None) -> Sources:
    """The files of the directory, and what was granted beside them.

    Raises PolicyError when the directory or a file cannot be read at all.
    """
    contents = _settled(directory, mistakes)
    mistakes += [
        f"{directory.name}/{needed}:1:1: there is no such file"
        for needed in (MODEL, COMMANDS)
        if needed not in contents
    ]
    texts = {name: _decoded(directory, name, raw, mistakes) for name, raw in contents.items()}
    csv = sorted(name for name in texts if name.endswith(".csv"))
    return Sources(
        model=Source(f"{directory.name}/{MODEL}", texts.get(MODEL, "")),
        commands=Source(f"{directory.name}/{COMMANDS}", texts.get(COMMANDS, "")),
        rules=tuple(Source(f"{directory.name}/{name}", texts[name]) for name in csv),
        sha256=_fingerprint({**contents, **_beside(granted)}),
        granted=granted,
    )


def granted(file: Path, max_bytes: int) -> Source | None:
    """The file of grants, None when there is none. Raises PolicyError when it cannot be read."""
    mistakes: list[str] = []
    try:
        with file.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PolicyError(
            f"cannot read the grants {file}: {error.strerror}",
            hint="they are part of the policy: ask as root, or as the user of dispatchd",
        ) from error
    if len(raw) > max_bytes:
        raise PolicyError(f"{file} has more than {max_bytes} bytes")
    text = _decoded(file.parent, file.name, raw, mistakes)
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    return Source(f"{file.parent.name}/{file.name}", text) if text else None


def _beside(granted: Source | None) -> Mapping[str, bytes]:
    # a name with a slash is none in the directory
    return {granted.name: granted.text.encode()} if granted else {}


def _settled(directory: Path, mistakes: list[str]) -> dict[str, bytes]:
    """The contents as they stood all at once: the same files before and after reading them."""
    try:
        for _ in range(_ATTEMPTS):
            before = stamp(directory)
            contents = {name: _content(directory / name) for name in before if _is_ours(name)}
            if stamp(directory) == before:
                break
        else:
            raise PolicyError(
                f"{directory} is being written to; nothing is read before that is done",
                hint="write a file elsewhere and move it here",
            )
    except OSError as error:
        raise PolicyError(
            f"cannot read the policy {error.filename or directory}: {error.strerror}",
            hint="the directory is `policies` in [daemon] of dispatch.toml",
        ) from error
    mistakes += [
        f"{directory.name}/{name}:1:1: not a policy file; rules are in *.csv, notes in *.md"
        for name in before
        if not _is_ours(name) and not _PASSED_OVER.fullmatch(name)
    ]
    if len(contents) > MAX_FILES:
        raise PolicyError(f"more than {MAX_FILES} policy files in {directory}")
    return contents


def stamp(directory: Path) -> dict[str, tuple[int, ...]]:
    """What changes when a file does, or comes, or goes. Raises OSError.

    Links of ours are followed, because what they lead to is read. Others need not lead anywhere:
    Emacs locks a file with one that does not.
    """
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(directory.iterdir()):
        found[path.name] = _stamped(path.stat(follow_symlinks=_is_ours(path.name)))
    return found


def stamp_of(file: Path) -> tuple[int, ...]:
    """The same for one file that need not be there. Raises OSError."""
    try:
        return _stamped(file.stat())
    except FileNotFoundError:
        return ()


def _stamped(state: os.stat_result) -> tuple[int, ...]:
    return (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def _is_ours(name: str) -> bool:
    return name in (MODEL, COMMANDS) or (name.endswith(".csv") and not name.startswith("."))


def _content(file: Path) -> bytes:
    if not file.is_file():  # a pipe would keep us waiting
        raise PolicyError(f"{file} is no regular file")
    with file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise PolicyError(f"{file} has more than {MAX_FILE_BYTES} bytes")
    return raw


def _decoded(directory: Path, name: str, raw: bytes, mistakes: list[str]) -> str:
    where = f"{directory.name}/{name}"
    if raw.startswith(b"\xef\xbb\xbf"):
        mistakes.append(f"{where}:1:1: begins with a byte order mark; save as UTF-8 without BOM")
        return ""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        mistakes.append(f"{where}:{line}:{column}: not UTF-8; save the file as UTF-8")
        return ""
    if text and not text.endswith("\n"):
        last = text.rpartition("\n")[2]
        mistakes.append(
            f"{where}:{text.count(_BREAK) + 1}:{len(last) + 1}: the last line does not end, as in "
            "a file that is written only in part; end it with a line break"
        )
    if not text.replace("\n", "").replace("\t", "").isprintable():
        mistakes += _hidden(where, text)
        return "".join(sign for sign in text if sign == _BREAK or not hidden_in(sign))
    return text


def _hidden(where: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):
        if hidden := hidden_in(line):
            column = next(at for at, sign in enumerate(line, 1) if hidden_in(sign))
            yield f"{where}:{number}:{column}: {hidden}; delete it"


def hidden_in(text: str) -> str:
    """What in the text does not show, or shows as something else; "" when nothing does."""
    if text.isprintable():
        return ""
    for character in text:
        if not character.isprintable() and character != "\t":
            return f"an invisible character (U+{ord(character):04X})"
    return ""


def _fingerprint(contents: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, raw in contents.items():
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return whole.hexdigest()
