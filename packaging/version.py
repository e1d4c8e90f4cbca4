"""Which version this checkout is, and whether it may be released as that.

    python packaging/version.py          print it
    python packaging/version.py notes    print what CHANGELOG.md tells of it, for a release's page

The version stands in `appliance/__init__.py`. Everything else reads it there, but for two texts
that people write and that tell more than a number: CHANGELOG.md and the package's own changelog.
Those are compared.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Never

from appliance import __version__

ROOT = Path(__file__).resolve().parents[1]
NAME = "dispatch-appliance"
CHANGELOG = ROOT / "CHANGELOG.md"
DEBIAN_CHANGELOG = ROOT / "packaging" / "debian" / "changelog"

_SECTION = re.compile(r"(?m)^## (?P<title>.+)\n(?P<text>(?:(?!## ).*\n?)*)")
_DATED = re.compile(rf"{re.escape(__version__)} \((?P<date>\d{{4}}-\d\d-\d\d)\)")
_ENTRY = re.compile(rf"{NAME} \((?P<version>[^)]+)\) (?s:.*?)\n -- .*>  (?P<time>.+)")


class NotReady(Exception):
    """There can be no release of this checkout; the message says what to do."""


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["notes"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(notes() if arguments else __version__)
    except NotReady as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def moment() -> datetime:
    """When this version was made, as far as anything in a release tells a time."""
    return parsedate_to_datetime(_entry()["time"])


def debian_version() -> str:
    return _entry()["version"]


def notes() -> str:
    """What people are told of this version. Raises NotReady."""
    return _sections().get(_title(), "").strip() or _refuse(
        f"CHANGELOG.md says nothing of {__version__}"
    )


def problems() -> Iterator[str]:
    """What the texts still lack before this version may be released."""
    dated = _DATED.fullmatch(_title())
    day = moment().date().isoformat()
    if dated is None:
        yield f'CHANGELOG.md has no section "## {__version__} ({day})"'
    elif dated["date"] != day:
        yield f"CHANGELOG.md says {dated['date']}, packaging/debian/changelog {day}"
    if debian_version().rpartition("-")[0] != __version__:
        yield f"packaging/debian/changelog begins with {debian_version()}, not {__version__}-1"


def _entry() -> re.Match[str]:
    found = _ENTRY.match(DEBIAN_CHANGELOG.read_text())
    return found or _refuse(f"{DEBIAN_CHANGELOG.relative_to(ROOT)} does not begin with an entry")


def _sections() -> Mapping[str, str]:
    return {found["title"]: found["text"] for found in _SECTION.finditer(CHANGELOG.read_text())}


def _title() -> str:
    """The section of this version, dated or still called unreleased; "" when there is none."""
    return next((title for title in _sections() if __version__ in re.findall(r"[\w.]+", title)), "")


def _refuse(why: str) -> Never:
    raise NotReady(why)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
