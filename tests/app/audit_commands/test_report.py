from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.audit.database import PUBLIC_KEY
from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.report.happenings import everything


def test_a_job_becomes_a_page_for_its_owner_only(tmp_path: Path) -> None:
    path, target = everything(tmp_path / "log"), tmp_path / "report.html"
    status, lines = audit("report", "13", path, "--out", target)
    assert (status, lines) == (0, [])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text().startswith("<!doctype html>")
    assert "make parse work" in target.read_text()


@pytest.mark.parametrize("name", ["13", "job:13"])
def test_a_job_can_be_named_as_others_name_it(name: str, tmp_path: Path) -> None:
    path, target = everything(tmp_path / "log"), tmp_path / "report.html"
    audit("report", name, path, "--out", target)
    assert "Audit report: Job 13" in target.read_text()


def test_a_span_needs_no_job_and_the_log_may_be_named(tmp_path: Path) -> None:
    everything(tmp_path / "log")
    target = tmp_path / "report.html"
    audit("report", tmp_path / "log", "--since", "2000-01-01", "--out", target)
    assert "other records" in target.read_text()


def test_the_status_is_that_of_the_verification(tmp_path: Path) -> None:
    path, target = everything(tmp_path / "log"), tmp_path / "report.html"
    run(path, "UPDATE leaf SET rec=x'7b7d' WHERE seq=3")
    status, _ = audit("report", "13", path, "--out", target)
    assert status == 1
    assert "Tampered with" in target.read_text()


def test_a_pinned_key_is_held_against_the_log(tmp_path: Path) -> None:
    path, target = everything(tmp_path / "log"), tmp_path / "report.html"
    audit("report", "13", path, "--out", target, "--pubkey", path.with_name(PUBLIC_KEY))
    assert "right log" not in target.read_text()


@pytest.mark.parametrize(
    "arguments", [(), ("13", "--since", "1d"), ("99",), ("--since", "whenever")]
)
def test_what_cannot_be_reported_is_one_clear_sentence(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    path, target = everything(tmp_path / "log"), tmp_path / "report.html"
    job, *options = arguments if arguments and arguments[0].isdigit() else (path, *arguments)
    with pytest.raises(ApplianceError, match=r"\w"):
        audit("report", job, *([path] if job != path else []), *options, "--out", target)
    assert not target.exists()
