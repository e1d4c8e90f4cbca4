"""A project that was written to deceive or take over whoever looks at what a job changed.

Everything is done with real git in the real sandbox, as the daemon does it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.agent.workbench import TaskWorkbench
from appliance.core.diffs import Kind
from appliance.core.jobs import Job
from appliance.core.model import Isolation, JobId, Prompt
from appliance.core.review import presentable
from appliance.core.snapshots import Snapshots
from appliance.services.changes import Changes, NotShown
from appliance.storage.state import SqliteState
from tests.examples import job as example_job
from tests.grounds import HAS_BUBBLEWRAP, Grounds
from tests.services.rig import ListAudit

pytestmark = pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="no bubblewrap here")

PAYLOAD = "#!/bin/sh\ntouch {project}/ran\ncat\nexit 0\n"


class Trap:
    """A project, and a job that changes it between two snapshots."""

    def __init__(self, directory: Path) -> None:
        self.grounds = Grounds.make(directory).walled()
        self.project = Path(self.grounds.project.path)
        self.state = SqliteState.open(directory)
        workbench = TaskWorkbench(self.grounds.link(), Isolation.BUBBLEWRAP)
        name = self.grounds.project.name
        self.changes = Changes(self.state, ListAudit(), workbench, {name: self.grounds.project})
        self.git("init", "--quiet", "-b", "main")
        self.write("a.txt", "one\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "first")
        self.payload = self.project / "payload"
        self.payload.write_text(PAYLOAD.format(project=self.project))
        self.payload.chmod(0o755)

    def git(self, *argv: str) -> None:
        named = ("-c", "user.name=me", "-c", "user.email=me@example.org")
        subprocess.run(["git", *named, *argv], cwd=self.project, check=True)

    def write(self, name: str | bytes, text: str) -> None:
        path = Path(self.project, os.fsdecode(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def has_run(self) -> bool:
        return (self.project / "ran").exists()

    async def begin(self) -> Job:
        job = replace(
            example_job(), id=JobId(0), project=self.grounds.project.name, work=Prompt("please")
        )
        job = self.state.add_job(job)
        self.changes.watch(job)
        await self.changes.keep(job)
        assert await self.changes.why_not(job) == ""
        return job

    async def end(self, job: Job) -> Snapshots:
        await self.changes.settle(job)
        found = self.state.snapshots(job.id)
        assert found is not None
        return found

    async def files(self, found: Snapshots) -> dict[bytes, Kind]:
        changes = await self.changes.between(found, found.before, found.after)
        return {change.path: change.kind for change in changes}

    async def lines(self, found: Snapshots, path: bytes) -> list[str]:
        changes = await self.changes.between(found, found.before, found.after)
        change = next(change for change in changes if change.path == path)
        return [line.whole for line in presentable(await self.changes.lines(found, change))]

    async def revert(self, found: Snapshots) -> tuple[bytes, ...]:
        async def record(_files: Sequence[bytes]) -> None:
            return None

        return (await self.changes.restore(found, record)).files


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


SETTINGS = (
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.sshCommand",
    "diff.external",
    "diff.x.textconv",
    "diff.x.command",
    "filter.x.clean",
    "filter.x.smudge",
    "filter.x.process",
    "gpg.program",
    "alias.ls-files",
)


async def test_nothing_that_a_repository_names_is_run(trap: Trap) -> None:
    for setting in SETTINGS:
        trap.git("config", setting, str(trap.payload))
    trap.git("config", "core.hooksPath", ".hooks")
    for name in ("post-index-change", "reference-transaction", "post-checkout"):
        trap.write(f".hooks/{name}", trap.payload.read_text())
        (trap.project / ".hooks" / name).chmod(0o755)
    trap.write(".gitattributes", "* filter=x diff=x\n")
    job = await trap.begin()
    trap.write("a.txt", "two\n")
    found = await trap.end(job)
    assert await trap.lines(found, b"a.txt") == ["@@ -1 +1 @@", "-one", "+two"]
    await trap.changes.patch(found)
    assert await trap.revert(found) == (b"a.txt",)
    assert (trap.project / "a.txt").read_text() == "one\n"
    assert not trap.has_run


async def test_our_own_repository_may_have_been_written_by_somebody_else(trap: Trap) -> None:
    kept = trap.project / ".dispatch/.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(kept)], check=True)
    for setting in SETTINGS:
        subprocess.run(
            ["git", "--git-dir", str(kept), "config", setting, str(trap.payload)], check=True
        )
    for name in ("post-index-change", "reference-transaction"):
        (kept / "hooks").mkdir(exist_ok=True)
        (kept / "hooks" / name).write_text(trap.payload.read_text())
        (kept / "hooks" / name).chmod(0o755)
    (kept / "info").mkdir(exist_ok=True)
    (kept / "info/attributes").write_text("* -diff filter=x\n")
    (kept / "info/exclude").write_text("*\n")
    (kept / "index._").write_bytes(b"nonsense")
    job = await trap.begin()
    trap.write("a.txt", "two\n")
    found = await trap.end(job)
    assert await trap.lines(found, b"a.txt") == ["@@ -1 +1 @@", "-one", "+two"]
    assert not trap.has_run


@pytest.mark.parametrize("place", [".dispatch", ".dispatch/.git"])
async def test_a_link_in_our_place_is_not_followed(trap: Trap, place: str) -> None:
    elsewhere = trap.project / "elsewhere"
    elsewhere.mkdir()
    link = trap.project / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    job = trap.state.add_job(
        replace(example_job(), project=trap.grounds.project.name, work=Prompt("please"))
    )
    trap.changes.watch(job)
    await trap.changes.keep(job)
    assert "symbolic link" in await trap.changes.why_not(job)
    assert list(elsewhere.iterdir()) == []


async def test_an_attribute_hides_no_change(trap: Trap) -> None:
    job = await trap.begin()
    trap.write(".gitattributes", "* -diff -text binary\n[attr]evil -diff\n* evil\n")
    trap.write("a.txt", "evil\n")
    found = await trap.end(job)
    assert await trap.lines(found, b"a.txt") == ["@@ -1 +1 @@", "-one", "+evil"]
    assert found.counts.added == 4
    assert b"+evil" in await trap.changes.patch(found)


async def test_what_the_job_tells_git_to_ignore_is_named(trap: Trap) -> None:
    job = await trap.begin()
    trap.write("x/.gitignore", "*\n")
    trap.write("x/evil.sh", "evil\n")
    with (trap.project / ".git/info/exclude").open("a") as file:
        file.write("hidden.sh\n")
    trap.write("hidden.sh", "evil\n")
    found = await trap.end(job)
    assert await trap.changes.newly_ignored(found) == ("hidden.sh", "x/")


async def test_a_setting_that_is_changed_in_the_job_hides_nothing(trap: Trap) -> None:
    job = await trap.begin()
    trap.git("update-index", "--assume-unchanged", "a.txt")
    trap.git("config", "core.ignoreStat", "true")
    trap.git("config", "core.worktree", "/nowhere")
    trap.write("a.txt", "two\n")
    found = await trap.end(job)
    assert await trap.files(found) == {b"a.txt": Kind.MODIFIED}


NAMES = (
    b"-x",
    b"--output=evil",
    b"new\nline",
    b"tab\there",
    b'"quoted"',
    b"not utf-8 \xff\xfe",
    b":(top)*",
    b"$(touch ran)",
    b"`touch ran`",
    b"a => b",
    b"\xe2\x80\xaegnp.exe",
    b" ",
    b"*",
)


async def test_names_are_names_and_nothing_else(trap: Trap) -> None:
    job = await trap.begin()
    for name in NAMES:
        trap.write(name, "made\n")
    found = await trap.end(job)
    assert await trap.files(found) == dict.fromkeys(NAMES, Kind.ADDED)
    for name in NAMES:
        assert await trap.lines(found, name) == ["@@ -0,0 +1 @@", "+made"]
    assert sorted(await trap.revert(found)) == sorted(NAMES)
    assert not any(Path(trap.project, os.fsdecode(name)).exists() for name in NAMES)
    assert not trap.has_run


async def test_a_link_is_shown_as_one_and_never_followed(trap: Trap, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    (trap.project / "dir").mkdir()
    trap.write("dir/b.txt", "inside\n")
    job = await trap.begin()
    (trap.project / "a.txt").unlink()
    (trap.project / "a.txt").symlink_to(secret)
    (trap.project / "dir/b.txt").unlink()
    (trap.project / "dir").rmdir()
    (trap.project / "dir").symlink_to(tmp_path)
    found = await trap.end(job)
    assert f"+{secret}" in await trap.lines(found, b"a.txt")
    await trap.revert(found)
    assert secret.read_text() == "secret\n"
    assert not (tmp_path / "b.txt").exists()
    assert (trap.project / "dir/b.txt").read_text() == "inside\n"
    assert (trap.project / "a.txt").read_text() == "one\n"


async def test_a_huge_file_is_not_read_into_the_daemon(trap: Trap) -> None:
    job = await trap.begin()
    row = b"y" * 99 + b"\n"
    (trap.project / "large.txt").write_bytes(row * 120_000)
    (trap.project / "larger.txt").write_bytes(row * 200_000)
    found = await trap.end(job)
    large, larger = await trap.changes.between(found, found.before, found.after)
    with pytest.raises(NotShown, match="too much"):
        await trap.changes.lines(found, large)
    with pytest.raises(NotShown, match="too much"):
        await trap.changes.patch(found)
    assert larger.is_binary  # for git, from 16 MiB on


async def test_too_much_at_once_is_refused_before_it_is_written(
    trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.core.snapshots.LARGEST_KIB", 64)
    (trap.project / "large").write_bytes(os.urandom(200_000))
    job = trap.state.add_job(
        replace(example_job(), project=trap.grounds.project.name, work=Prompt("please"))
    )
    trap.changes.watch(job)
    await trap.changes.keep(job)
    assert "MiB of new or changed files" in await trap.changes.why_not(job)


async def test_repositories_inside_are_neither_entered_nor_taken_back(trap: Trap) -> None:
    job = await trap.begin()
    for name in ("empty", "full"):
        subprocess.run(["git", "init", "--quiet", str(trap.project / name)], check=True)
    trap.write("full/x", "x\n")
    named = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    full = str(trap.project / "full")
    subprocess.run(["git", "-C", full, "add", "."], check=True)
    subprocess.run(["git", "-C", full, *named, "commit", "--quiet", "-m", "x"], check=True)
    trap.write("a.txt", "two\n")
    found = await trap.end(job)
    assert await trap.files(found) == {b"a.txt": Kind.MODIFIED, b"full": Kind.ADDED}
    assert await trap.revert(found) == (b"a.txt",)
    assert (trap.project / "full/x").exists()


async def test_what_nobody_may_read_is_left_out(trap: Trap) -> None:
    fifo = trap.project / "fifo"
    os.mkfifo(fifo)
    job = await trap.begin()
    trap.write("a.txt", "two\n")
    found = await trap.end(job)
    assert await trap.files(found) == {b"a.txt": Kind.MODIFIED}
