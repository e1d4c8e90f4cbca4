from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from appliance.audit.report.verdict import verdict
from appliance.audit.verify import Verdict
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.report.happenings import everything, log_of, report_of


def words(path: Path) -> str:
    return re.sub(r"<[^>]+>", " ", verdict(report_of(path, 12)).text)


def test_an_intact_log_is_called_so_together_with_what_that_does_not_cover(tmp_path: Path) -> None:
    found = words(log_of(tmp_path, life(12)))
    assert "Intact" in found
    assert "are what was signed" in found
    assert "Whether this is the right log was not checked" in found
    assert "protected by the signing keys only" in found
    assert "anybody can change a copy" in found


def test_a_changed_record_is_named_before_anything_else(tmp_path: Path) -> None:
    path = everything(tmp_path)
    run(
        path,
        "UPDATE leaf SET rec=CAST(replace(CAST(rec AS TEXT), 'web', 'wet') AS BLOB) WHERE seq=8",
    )
    found = words(path)
    assert "Tampered with" in found
    assert "At record 8" in found
    assert "Nothing below may be relied on" in found
    assert "Intact" not in found


def test_an_unsigned_log_is_never_called_intact(tmp_path: Path) -> None:
    path = everything(tmp_path)
    run(path, "UPDATE leaf SET root=NULL, sig=NULL", "DELETE FROM ckpt")
    found = words(path)
    assert "Intact" not in found
    assert "Nothing below may be relied on" in found


def test_a_pinned_and_anchored_log_has_no_such_limits(tmp_path: Path) -> None:
    report = report_of(log_of(tmp_path, life(12)), 12)
    assert report.verification.verdict is Verdict.INTACT
    sure = replace(report.verification, pinned=True, anchored=report.verification.size)
    found = verdict(replace(report, verification=sure)).text
    assert "right log" not in found
    assert "signing keys only" not in found
    assert "anybody can change a copy" in found


def test_what_a_thief_of_the_newest_key_could_have_written_is_said(tmp_path: Path) -> None:
    report = report_of(log_of(tmp_path, life(12)), 12)
    size = report.verification.size
    young = replace(report.verification, epoch_began=size - 3, anchored=size - 5)
    found = verdict(replace(report, verification=young)).text
    assert "The last 5 records are protected by the signing keys only" in found
    assert f"could have written records {size - 3} to {size}" in found
