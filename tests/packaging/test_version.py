"""One version, in one place; what people write about it agrees with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import __version__
from tests.packaging.programs import PACKAGING, ROOT, program

version = program("version")

ENTRY = """\
dispatch-appliance ({version}-1) unstable; urgency=medium

  * Something.

 -- somebody <somebody@example.invalid>  Sat, 21 Nov 2026 12:00:00 +0000
"""
MAY_SAY_IT = {
    "CHANGELOG.md": "people read of it there",
    "packaging/debian/changelog": "Debian's tools read it there, and its time",
    "packaging/homebrew/dispatch-appliance.rb": "generated, and compared with what would be",
    "packaging/oci/compose.yaml": "people copy it; compared below",
}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the two texts are now, ready for a release."""
    for name, text in {
        "CHANGELOG": f"# C\n\n## {__version__} (2026-11-21)\n\n- New.\n\n## 0.0.9\n\n- Old.\n",
        "DEBIAN_CHANGELOG": ENTRY.format(version=__version__),
    }.items():
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(version, name, tmp_path / name)
    return tmp_path


def test_the_version_stands_in_one_place() -> None:
    listing = subprocess.run(
        ["git", "grep", "-lF", __version__, "--", "appliance", "packaging", "systemd", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode > 1:
        pytest.skip("not a checkout of the repository")
    alone = re.compile(rf"(?<![\w.]){re.escape(__version__)}(?![\w.])")
    say_it = {
        name
        for name in listing.stdout.splitlines()
        if alone.search((ROOT / name).read_text()) and not name.startswith("packaging/lock/")
    }
    assert say_it - MAY_SAY_IT.keys() == {"appliance/__init__.py"}


def test_the_package_for_debian_is_of_this_version() -> None:
    assert version.debian_version().rpartition("-")[0] == __version__


def test_containers_are_of_this_version() -> None:
    said = re.findall(
        r"dispatch-appliance[:_](\d[\w.]*?)(?=_|\s)", (PACKAGING / "oci/compose.yaml").read_text()
    )
    assert set(said) == {__version__}


def test_there_is_something_to_tell_of_this_version() -> None:
    command = [sys.executable, str(PACKAGING / "version.py"), "notes"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.strip()
    assert "\n## " not in told


def test_notes_are_of_this_version_alone(texts: Path) -> None:
    assert version.notes() == "- New."
    assert list(version.problems()) == []


def test_a_version_that_is_not_dated_is_not_released(texts: Path) -> None:
    (texts / "CHANGELOG").write_text(f"## Unreleased ({__version__})\n\n- New.\n")
    assert version.notes() == "- New."
    assert list(version.problems()) == [
        f'CHANGELOG.md has no section "## {__version__} (2026-11-21)"'
    ]


def test_a_version_that_has_two_dates_is_not_released(texts: Path) -> None:
    (texts / "CHANGELOG").write_text(f"## {__version__} (2026-11-20)\n\n- New.\n")
    assert list(version.problems()) == [
        "CHANGELOG.md says 2026-11-20, packaging/debian/changelog 2026-11-21"
    ]


def test_a_package_that_stayed_behind_is_not_released(texts: Path) -> None:
    (texts / "DEBIAN_CHANGELOG").write_text(ENTRY.format(version="0.0.9"))
    assert list(version.problems()) == [
        f"packaging/debian/changelog begins with 0.0.9-1, not {__version__}-1"
    ]


def test_a_version_of_which_nothing_is_told_is_refused(texts: Path) -> None:
    (texts / "CHANGELOG").write_text("## 0.0.9\n\n- Old.\n")
    with pytest.raises(version.NotReady, match="says nothing of"):
        version.notes()
