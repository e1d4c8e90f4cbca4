"""`dispatchctl audit key`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.audit.checkpoint import parse_public_key
from appliance.audit.database import PUBLIC_KEY
from appliance.errors import ApplianceError, AuditUnavailable
from tests.app.audit_commands.dispatchctl import audit
from tests.app.audit_commands.kept import log_of, settings
from tests.audit.logs import sample


def published(database: Path) -> str:
    return (database.parent / PUBLIC_KEY).read_text().strip()


def test_the_keys_that_the_log_names_are_shown(tmp_path: Path) -> None:
    path = sample(tmp_path)
    status, lines = audit("key", "show", path)
    assert status == 0
    shown = dict(line.rsplit(maxsplit=1) for line in lines)
    assert shown["public key"] == published(path)
    assert parse_public_key(shown["identity key"]) != parse_public_key(shown["public key"])
    assert int(shown["epoch"]) > 1
    assert parse_public_key(shown["epoch key"]) != parse_public_key(shown["public key"])


def test_keys_as_json(tmp_path: Path) -> None:
    path = sample(tmp_path)
    _, (line,) = audit("key", "show", path, "--json")
    shown = json.loads(line)
    assert shown["format"] == 1
    assert shown["public_key"] == published(path)
    assert shown["epoch"] > 1


def test_the_first_key_is_pinned_as_text_and_as_a_code_for_cameras(tmp_path: Path) -> None:
    path = sample(tmp_path)
    status, lines = audit("key", "pin", path)
    assert status == 0
    assert published(path) in lines
    code = lines[: lines.index(published(path))]
    assert max(map(len, code)) <= 100
    assert any("█" in line or "▄" in line for line in code)


def test_a_pinned_key_is_one_that_verify_takes(tmp_path: Path) -> None:
    path = sample(tmp_path)
    _, (line,) = audit("key", "pin", path, "--json")
    status, _ = audit("verify", path, "--pubkey", json.loads(line)["public_key"])
    assert status == 0


def test_pictures_are_written_where_asked_to(tmp_path: Path) -> None:
    path = sample(tmp_path / "log")
    png, svg = tmp_path / "key.png", tmp_path / "key.svg"
    status, _ = audit("key", "pin", path, "--png", png, "--svg", svg, "--json")
    assert status == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in svg.read_bytes()
    with pytest.raises(ApplianceError, match="cannot write"):
        audit("key", "pin", path, "--png", tmp_path / "no" / "key.png")


def test_rotation_ends_the_epoch(tmp_path: Path) -> None:
    file = settings(tmp_path)
    before = json.loads(audit("key", "show", log_of(tmp_path), "--json")[1][0])
    assert audit("key", "rotate", "--config", file)[0] == 0
    status, (line,) = audit("key", "rotate", "--config", file, "--json")
    assert (status, json.loads(line)) == (0, {"format": 1, "rotated": True})
    after = json.loads(audit("key", "show", log_of(tmp_path), "--json")[1][0])
    assert after["epoch"] > before["epoch"] + 1
    assert after["public_key"] == before["public_key"]
    assert after["epoch_key"] != before["epoch_key"]
    assert audit("verify", log_of(tmp_path))[0] == 0


def test_without_a_log_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        audit("key", "show", tmp_path / "audit.db")
