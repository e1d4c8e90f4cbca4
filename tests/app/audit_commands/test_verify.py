from __future__ import annotations

import json
from pathlib import Path

from appliance.audit.database import PUBLIC_KEY
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.logs import sample


def test_an_intact_log_has_status_0_and_its_limits_are_said(tmp_path: Path) -> None:
    status, lines = audit("verify", sample(tmp_path))
    assert status == 0
    assert lines[0] == "intact: all 13 records are what was signed, in 4 epochs"
    assert lines[2] == f"public key: {(tmp_path / PUBLIC_KEY).read_text().strip()}"
    assert lines[-1] == "the last 13 records are protected by the signing keys only"


def test_the_log_is_found_by_its_directory_and_pinned_by_its_key(tmp_path: Path) -> None:
    sample(tmp_path)
    status, lines = audit("verify", tmp_path, "--pubkey", tmp_path / PUBLIC_KEY)
    assert status == 0
    assert lines[2].endswith("(as given)")


def test_a_tampered_log_has_status_1_and_the_record_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "DELETE FROM leaf WHERE seq=5")
    status, lines = audit("verify", path)
    assert status == 1
    assert lines[0] == "tampered at record 5: record 5 is missing, 6 follows"
    assert lines[1] == "the first 4 records are what was signed"


def test_what_cannot_be_judged_has_status_2(tmp_path: Path) -> None:
    status, lines = audit("verify", tmp_path / "nothing.db", "--json")
    assert status == 2
    assert json.loads(lines[0])["verdict"] == "incomplete"
