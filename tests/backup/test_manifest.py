"""What a backup says of itself; what an enemy may make it say is in `tests/attacks/backup`."""

from __future__ import annotations

import pytest

from appliance.backup.manifest import CREDENTIALS, check, parse
from appliance.errors import BackupUnusable
from tests.backup.archives import FILES, manifest_of


def test_the_manifest_is_read_as_it_was_written() -> None:
    assert parse(manifest_of().text()) == manifest_of()
    check(manifest_of().entries)


def test_it_says_whether_secrets_are_in_it() -> None:
    assert not manifest_of().has_credentials
    assert manifest_of({**FILES, f"{CREDENTIALS}token": b"x"}).has_credentials


def test_a_backup_of_another_format_is_refused_with_what_to_do() -> None:
    text = manifest_of().text().replace(b'"format": 1', b'"format": 2')
    with pytest.raises(BackupUnusable) as refused:
        parse(text)
    assert refused.value.hint == "install that version, or a newer one"
