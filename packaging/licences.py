"""Write the package's copyright file: whose work is inside, and on what terms.

    python packaging/licences.py WHEELS DESTINATION

In the machine-readable form of Debian (DEP-5), from what the wheels say of themselves: their
metadata, their licence files, and the lists of what was compiled into them. A wheel without a
licence file is refused: nobody may be given what nobody may be given.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging import deb_tree
else:
    import deb_tree

LIBRARY = "usr/lib/dispatch-appliance"
APACHE = "Apache-2.0"
COMMON = {APACHE: "Apache-2.0", "MPL-2.0": "MPL-2.0"}
"""What every Debian has in /usr/share/common-licenses, where it is to be read."""

HEADER = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: dispatch-appliance
Comment: The libraries are those of packaging/lock/runtime.txt, as their authors publish them.

Files: *
Copyright: 2026 dispatch-appliance contributors
License: Apache-2.0

Files: usr/share/bash-completion/*
Copyright: 2020-2026 Casper da Costa-Luis and tqdm developers
License: MPL-2.0
Comment: Written by shtab, which puts functions of its own into it.
 https://github.com/tqdm/shtab
"""

_LICENCE_FILE = re.compile(r"(?i)(licen[cs]e|copying|notice)[^/]*$")
_COPYRIGHT = re.compile(r"(?im)^\W*copyright:?\s+(?=\(c\)|©|\d{4}|the )(?:(?:\(c\)|©)\s*)?(.+)$")
_TITLE = re.compile(r"(?im)^\W*(the )?(MIT|BSD.*|new BSD) license\W*(\(MIT\))?\W*$")
_TO_BE_FILLED = re.compile(r"(?i)\[yyyy\]|\{yyyy\}|<year>|copyright (notice|holder|owner)")
_FULL_APACHE = re.compile(
    r"\s*Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS"
    r"(\s*APPENDIX: How to apply.*?limitations under the License\.)?",
    re.DOTALL,
)
_FULL_MPL = re.compile(r"\s*Mozilla Public License Version 2\.0\s.*1\. Definitions.*", re.DOTALL)
_TELLING = (
    (r"Apache License", APACHE),
    (r"Permission is hereby granted, free of charge", "MIT"),
    (r"Neither the name of", "BSD-3-Clause"),
    (r"Redistribution and use in source and binary forms", "BSD-2-Clause"),
)
"""Words by which a licence is known where the metadata have no SPDX name for it."""


class NoLicence(Exception):
    """A wheel does not say on what terms it may be given away."""


@dataclass(frozen=True, slots=True)
class Library:
    """One of those inside, as its wheel tells of it."""

    name: str
    version: str
    expression: str
    text: str
    holders: tuple[str, ...]
    files: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def licence(self) -> str:
        """A name of our own for what is several: Debian wants a paragraph for each name."""
        return re.sub(r" (AND|OR) ", lambda found: f"-{found[1].lower()}-", self.expression)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        Path(arguments[1]).write_text(copyright_file(Path(arguments[0])))
    except NoLicence as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def copyright_file(wheels: Path) -> str:
    """Raises NoLicence."""
    libraries = {one.name: one for one in map(read, deb_tree.wheels_in(wheels))}
    named = _Texts()
    paragraphs = [_of_files(one, named.name_for(one)) for one in libraries.values()]
    return "\n".join([HEADER, *paragraphs, *named.paragraphs()])


class _Texts:
    """Each licence's text once, under a name that no other has: authors change words in them."""

    def __init__(self) -> None:
        self._texts = {licence: _where(licence) for licence in COMMON}

    def name_for(self, library: Library) -> str:
        wanted = library.text or _where(library.licence)
        for name in (library.licence, f"{library.licence}-{library.name}"):
            known = self._texts.setdefault(name, wanted)
            if _words(known) == _words(wanted):
                return name
        raise AssertionError(f"two libraries are called {library.name}")

    def paragraphs(self) -> Iterator[str]:
        for name, text in sorted(self._texts.items()):
            yield f"License: {name}\n{_folded(text)}\n"


def _words(text: str) -> list[str]:
    """What has to be the same in two texts of one licence."""
    return re.findall(r"\w+", _TITLE.sub("", text).lower())


def _of_files(library: Library, licence: str) -> str:
    holders = "\n           ".join(library.holders)
    comment = f"{library.name} {library.version}, as the Python Package Index has it"
    if library.parts:
        comment += f". Parts, by its authors' list: {', '.join(library.parts)}"
    files = "\n       ".join(f"{LIBRARY}/{name}" for name in library.files)
    return (
        f"Files: {files}\nCopyright: {holders}\nLicense: {licence}\n"
        f"Comment:\n{_folded(textwrap.fill(comment, 88, break_on_hyphens=False))}\n"
    )


def _folded(text: str) -> str:
    return "\n".join(f" {line.rstrip()}" if line.strip() else " ." for line in text.splitlines())


# --- what a wheel says


def read(wheel: Path) -> Library:
    """Raises NoLicence."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(archive.namelist())
        (metadata_file,) = (n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        metadata = Parser().parsestr(archive.read(metadata_file).decode(), headersonly=True)
        about = f"{metadata_file.partition('/')[0]}/"
        licences = [
            archive.read(name).decode(errors="replace")
            for name in names
            if name.startswith(about) and _LICENCE_FILE.search(name)
        ]
        parts = {_called(part) for part in parts_in(archive)}
    if not licences:
        raise NoLicence(f"{wheel.name} holds no licence file")
    text = "\n\n".join(licences)
    return Library(
        name=metadata["Name"],
        version=metadata["Version"],
        expression=_expression(metadata, text),
        text=_without_holders(text),
        holders=_holders(text, metadata),
        files=_files(names),
        parts=tuple(sorted(parts)),
    )


def _expression(metadata: Message, text: str) -> str:
    """In SPDX's words where they are known."""
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    known = (name for words, name in _TELLING if re.search(words, text))
    said = str(metadata["License"] or "")
    return next(known, said if re.fullmatch(r"[\w.+-]+", said) else "other")


def _holders(text: str, metadata: Message) -> tuple[str, ...]:
    found = [m[1].strip() for m in _COPYRIGHT.finditer(text) if not _TO_BE_FILLED.search(m[1])]
    said = metadata["Author"] or metadata["Author-email"] or metadata["Maintainer"]
    return tuple(dict.fromkeys(found)) or (str(said),)


def _without_holders(text: str) -> str:
    """The terms. Those that every Debian has are named, as its policy asks."""
    for full, licence in ((_FULL_APACHE, APACHE), (_FULL_MPL, "MPL-2.0")):
        text = full.sub(_where(licence), text)
    kept = [x for x in text.splitlines() if not _COPYRIGHT.match(x) or _TO_BE_FILLED.search(x)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _where(licence: str) -> str:
    return f"On Debian systems the full text is in /usr/share/common-licenses/{COMMON[licence]}."


def _files(names: list[str]) -> tuple[str, ...]:
    """Patterns for what a wheel brings into the common directory."""
    tops = {PurePosixPath(name).parts for name in names if not name.endswith("/")}
    found = {
        parts[0] if len(parts) == 1 else f"{parts[0]}/*"
        for parts in tops
        if not parts[0].endswith((".data", ".dist-info")) and parts[0] not in deb_tree.NOBODYS
    }
    return tuple(sorted(re.sub(r"\.cpython-\d+-", ".cpython-*-", name) for name in found))


def parts_in(archive: zipfile.ZipFile) -> Iterator[Mapping[str, Any]]:
    """What the authors' CycloneDX lists name as being inside; optional: not in every wheel."""
    lists = [name for name in sorted(archive.namelist()) if re.search(r"/sboms/.*\.json$", name)]
    for name in lists:
        for part in json.loads(archive.read(name)).get("components", ()):
            if part.get("scope") != "excluded":
                yield part


def _called(part: Mapping[str, Any]) -> str:
    said = [licence_in_list(one) for one in part.get("licenses", ())]
    if part.get("scope") == "optional":
        said.append("optional")
    called = f"{part['name']} {part.get('version', '')}".rstrip()
    return f"{called} ({', '.join(said)})" if said else called


def licence_in_list(one: Mapping[str, Any]) -> str:
    named: Mapping[str, Any] = one.get("license", {})
    return str(one.get("expression") or named.get("id") or named.get("name"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
