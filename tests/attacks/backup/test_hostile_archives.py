"""Archives that an enemy made, who has the public key: refused, and nothing is left outside."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.backup import archive
from appliance.backup.manifest import LOG, LOG_KEY, SETTINGS, STATE, Entry, check, parse
from appliance.errors import BackupUnusable
from tests.backup.archives import FILES, manifest_of, packed, silent

BLOCK = archive.BLOCK


def refuse(content: bytes, place: Path) -> None:
    """Refused, and nothing but plain files inside of `place` was written."""
    inside = place / "inside"
    inside.mkdir()
    with pytest.raises(BackupUnusable):
        stream = io.BytesIO(content)
        archive.unpack(stream, archive.read_manifest(stream), inside, silent)
    assert [path.name for path in place.iterdir()] == ["inside"]
    assert not any(path.is_symlink() for path in inside.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside",
        "policies/../../outside",
        "policies/..",
        "policies/.hidden",
        "policies//rules.csv",
        "policies/",
        "policies/a/b/c/d/e/f",
        "policies/a\\b",
        "policies/a\nb",
        "policies/" + "x" * 100,
        "policies/rüles.csv",
        "credentials/../x",
        "credentials/a/b",
        "state/state.db-wal",
        "state/web-sessions.json",
        "audit/identity.key",
        "audit/epoch-1.key",
        "manifest.json",
        "",
        ".",
    ],
)
def test_no_other_name_is_taken(name: str) -> None:
    with pytest.raises(BackupUnusable):
        check((*manifest_of().entries, Entry(name, 1)))


@pytest.mark.parametrize("needed", [SETTINGS, STATE, LOG, LOG_KEY])
def test_half_a_backup_is_refused(needed: str) -> None:
    with pytest.raises(BackupUnusable, match="lacks"):
        check(tuple(entry for entry in manifest_of().entries if entry.name != needed))


@pytest.mark.parametrize(
    "entry",
    [
        Entry(SETTINGS, 10**9),
        Entry("policies/rules2.csv", 10**9),
        Entry("state/grants.csv", 10**9),
        Entry("credentials/token", 10**9),
        Entry(LOG_KEY, 10**6),
        Entry("policies/x", -1),
        Entry(STATE, 1 << 50),
    ],
)
def test_no_file_is_larger_than_it_can_be(entry: Entry) -> None:
    others = [found for found in manifest_of().entries if found.name != entry.name]
    with pytest.raises(BackupUnusable, match="is the most"):
        check((*others, entry))


def test_no_directory_is_flooded_and_no_file_told_of_twice() -> None:
    many = (Entry(f"policies/{number}", 0) for number in range(1000))
    with pytest.raises(BackupUnusable, match="more than"):
        check((*manifest_of().entries, *many))
    with pytest.raises(BackupUnusable, match="twice"):
        check((*manifest_of().entries, Entry("policies/RULES.csv", 0)))


def test_a_file_that_has_to_be_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises((BackupUnusable, OSError)):
        refuse(packed({**FILES, "policies/a": b"", "policies/a/b": b""}), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told | {"format": 2},
        lambda told: told | {"more": 1},
        lambda told: told | {"made_at": "now"},
        lambda told: told | {"made_at": True},
        lambda told: told | {"host": None},
        lambda told: told | {"entries": None},
        lambda told: told | {"entries": [{"name": SETTINGS}]},
        lambda told: told | {"entries": [{"name": SETTINGS, "size": "1"}]},
        lambda told: told | {"entries": [{"name": SETTINGS, "size": 1, "mode": 0o4755}]},
        lambda told: {},
        lambda told: [],
        lambda told: {key: told[key] for key in told if key != "host"},
    ],
)
def test_a_list_of_another_form_is_refused(change: Callable[[Any], Any]) -> None:
    told = json.loads(manifest_of().text())
    with pytest.raises(BackupUnusable):
        parse(json.dumps(change(told)).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff", b'"x"', b"null"])
def test_a_list_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BackupUnusable):
        parse(text)


def retyped(kind: bytes) -> bytes:
    """The archive with another type of its second member, and the checksum put right."""
    content = bytearray(packed())
    start = BLOCK + -(-len(manifest_of().text()) // BLOCK) * BLOCK
    header = tarfile.TarInfo.frombuf(bytes(content[start : start + BLOCK]), "ascii", "strict")
    header.type, header.linkname = kind, "/etc/passwd"
    content[start : start + BLOCK] = header.tobuf(tarfile.GNU_FORMAT)
    return bytes(content)


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"x", b"g", b"L"])
def test_nothing_but_plain_files_is_taken(kind: bytes, tmp_path: Path) -> None:
    refuse(retyped(kind), tmp_path)


def test_an_archive_that_holds_other_files_than_it_says_is_refused(tmp_path: Path) -> None:
    files = dict(reversed(list(FILES.items())))
    start = -(-len(manifest_of().text()) // BLOCK) * BLOCK + BLOCK
    refuse(packed()[:start] + packed(files)[start:], tmp_path)


@pytest.mark.parametrize("cut", [1, 512, 1024, 1025, 50_000, 100_000])
def test_an_archive_that_ends_early_is_refused(cut: int, tmp_path: Path) -> None:
    refuse(packed()[:-cut], tmp_path)


@pytest.mark.parametrize("added", [b"x", bytes(100_000), bytes(511) + b"x", packed()])
def test_an_archive_that_goes_on_is_refused(added: bytes, tmp_path: Path) -> None:
    refuse(packed() + added, tmp_path)


def test_what_hides_between_files_is_refused(tmp_path: Path) -> None:
    content = bytearray(packed())
    assert content[-1100] == 0  # behind the log's key, which fills no block
    content[-1100] = 1
    refuse(bytes(content), tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    refuse(b"SQLite format 3\0" + bytes(10_000), tmp_path)


def test_an_archive_without_a_list_is_refused(tmp_path: Path) -> None:
    start = -(-len(manifest_of().text()) // BLOCK) * BLOCK + BLOCK
    refuse(packed()[start:], tmp_path)
