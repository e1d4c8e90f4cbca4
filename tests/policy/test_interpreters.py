"""Which programs run what they read, and that nobody may allow them for a whole job."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.core.model import Asks
from appliance.policy.interpreters import runs_what_it_reads
from tests.policy.policies_on_disk import bash, policy, tool


def test_neither_path_nor_version_hides_an_interpreter() -> None:
    for program in ("python3", "/usr/bin/python3.12", "node", "make", "/bin/sh"):
        assert runs_what_it_reads(program)
    for program in ("git", "ls", "/usr/bin/curl"):
        assert not runs_what_it_reads(program)


def asked(tmp_path: Path, line: str) -> Asks:
    rules = (
        "g, me, dev",
        "p, dev, demo, bash, **, approve, fallback job",
        "p, dev, demo, bash, git log **, approve, job",
        "p, dev, demo, bash, git branch **, approve, job",
        "p, dev, demo, bash, git push origin main, approve, job",
        "p, dev, demo, bash, make **, approve, job",
        "p, dev, demo, bash, python3 tools/run.py, approve, job",
        "p, dev, demo, write, src/**, approve, job",
    )
    decision = policy(tmp_path, *rules).decide(bash(tmp_path, line))
    assert isinstance(decision, Asks)
    return decision


@pytest.mark.parametrize("line", ["git log -3", "git push origin main"])
def test_what_is_understood_may_be_allowed_for_a_job(tmp_path: Path, line: str) -> None:
    assert asked(tmp_path, line).job_wide


@pytest.mark.parametrize(
    "line",
    [
        "make test",
        "python3 tools/run.py",
        "python3 -c x",
        "bash x.sh",
        "git push --force origin main",
        "git log -1; git branch --list",
    ],
)
def test_anything_else_is_asked_about_each_time(tmp_path: Path, line: str) -> None:
    assert not asked(tmp_path, line).job_wide


def test_a_change_of_files_may_be_allowed_for_a_job(tmp_path: Path) -> None:
    policy_ = policy(tmp_path, "g, me, dev", "p, dev, demo, write, src/**, approve, job")
    path = str(tmp_path / "demo/src/a.py")
    decision = policy_.decide(tool(tmp_path, "Write", file_path=path, content="x"))
    assert isinstance(decision, Asks)
    assert decision.job_wide
