"""The keys are those that the log names, and a damaged log names none."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit import keys
from appliance.audit.keyring import public_keys
from appliance.audit.writer import Writer
from appliance.core.records import encode
from appliance.errors import AuditBroken, AuditUnavailable
from tests.attacks.audit.intruder import put, records, run
from tests.audit.logs import BOOT, sample
from tests.fakes import FakeClock


def test_the_keys_are_those_in_the_directory(tmp_path: Path) -> None:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        found = public_keys(tmp_path / "audit.db")
        assert str(found.genesis) == writer.public_key
        assert found.identity.raw == keys.load_identity(tmp_path).public
        assert (found.epoch, found.current) == (1, found.genesis)
        writer.rotate()
        later = public_keys(tmp_path / "audit.db")
        assert later.epoch == 2
        assert later.current.raw == keys.load(tmp_path, 2).public
        assert later.genesis == found.genesis


def test_a_log_without_keys_is_damaged(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec = CAST('{}' AS BLOB) WHERE seq = 1")
    with pytest.raises(AuditBroken, match="names no keys"):
        public_keys(path)


@pytest.mark.parametrize("field", ["public_key", "identity_key"])
def test_a_key_that_is_none_is_damage_too(tmp_path: Path, field: str) -> None:
    path = sample(tmp_path)
    first = records(path)[0]
    put(path, 1, encode(replace(first, data={**first.data, field: "x"})))
    with pytest.raises(AuditBroken, match="names no keys"):
        public_keys(path)


def test_what_is_no_log_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "audit.db").write_bytes(b"x" * 5000)
    with pytest.raises(AuditUnavailable, match="cannot read the audit log"):
        public_keys(tmp_path / "audit.db")
