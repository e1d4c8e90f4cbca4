"""What jobs change is kept, counted, shown and taken back, with real git."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.diffs import Counts, Kind
from appliance.core.jobs import Job
from appliance.core.model import Care, JobId, Program, Project, Prompt
from appliance.core.snapshots import Snapshots
from appliance.errors import AgentFailed, AuditUnavailable
from appliance.services.changes import Changes, NotShown, Restored
from appliance.storage.state import SqliteState
from tests.examples import job as example_job
from tests.fakes_workbench import LocalWorkbench
from tests.services.rig import DEMO, ListAudit


class Ground:
    """A project and a job in it, step by step as the worker goes."""

    def __init__(self, directory: Path, *, is_git: bool = True) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.state = SqliteState.open(directory)
        self.audit = ListAudit()
        self.workbench = LocalWorkbench()
        self.care = Care.REQUIRED
        if is_git:
            self.git("init", "--quiet", "-b", "main")
        self.write("kept.txt", "one\ntwo\n")
        self.write("src/gone.txt", "to be deleted\n")
        if is_git:
            self.git("add", ".")
            self.git("commit", "--quiet", "-m", "first")
        self.changes = self.made()

    def made(self) -> Changes:
        project = Project(DEMO, str(self.project), snapshots=self.care)
        return Changes(self.state, self.audit, self.workbench, {DEMO: project})

    def git(self, *argv: str) -> str:
        named = ("-c", "user.name=me", "-c", "user.email=me@example.org")
        found = subprocess.run(
            ["git", *named, *argv], cwd=self.project, check=True, capture_output=True, text=True
        )
        return found.stdout

    def write(self, name: str, text: str | bytes) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, name: str) -> str:
        return (self.project / name).read_text()

    def job(self) -> Job:
        return self.state.add_job(
            replace(example_job(), key=os.urandom(4).hex(), project=DEMO, work=Prompt("please"))
        )

    async def begin(self, job: Job | None = None) -> Job:
        """Kept, and its first writing call let through."""
        job = job or self.job()
        self.changes.watch(job)
        await self.changes.keep(job)
        assert await self.changes.why_not(job) == ""
        return job

    async def end(self, job: Job) -> Snapshots:
        await self.changes.settle(job)
        self.changes.forget(job)
        return self.found(job)

    def found(self, job: Job) -> Snapshots:
        found = self.state.snapshots(job.id)
        assert found is not None
        return found

    async def files(self, found: Snapshots) -> dict[str, Kind]:
        changes = await self.changes.between(found, found.before, found.after)
        return {os.fsdecode(change.path): change.kind for change in changes}

    async def revert(self, found: Snapshots) -> Restored:
        async def record(files: Sequence[bytes]) -> None:
            self.recorded = tuple(files)

        return await self.changes.restore(found, record)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def change_much(ground: Ground) -> None:
    ground.write("kept.txt", "one\n2\nthree\n")
    (ground.project / "src/gone.txt").unlink()
    ground.write("src/new.txt", "new\n")
    (ground.project / "link").symlink_to("/etc/passwd")


@pytest.mark.parametrize("is_git", [True, False])
async def test_a_jobs_changes_are_counted_and_taken_back(tmp_path: Path, is_git: bool) -> None:
    ground = Ground(tmp_path, is_git=is_git)
    job = await ground.begin()
    change_much(ground)
    found = await ground.end(job)
    assert found.counts == Counts(4, 4, 2)
    assert await ground.files(found) == {
        "kept.txt": Kind.MODIFIED,
        "link": Kind.ADDED,
        "src/gone.txt": Kind.DELETED,
        "src/new.txt": Kind.ADDED,
    }
    restored = await ground.revert(found)
    assert sorted(restored.files) == [b"kept.txt", b"link", b"src/gone.txt", b"src/new.txt"]
    assert restored.left == ()
    assert sorted(ground.recorded) == sorted(restored.files)
    assert ground.read("kept.txt") == "one\ntwo\n"
    assert ground.read("src/gone.txt") == "to be deleted\n"
    assert not (ground.project / "src/new.txt").exists()
    assert not (ground.project / "link").is_symlink()
    again = await ground.revert(found)
    assert (again.files, again.left) == ((), ())


async def test_nothing_of_the_projects_own_repository_is_touched(ground: Ground) -> None:
    ground.write("staged.txt", "staged\n")
    ground.git("add", "staged.txt")
    ground.write("untracked.txt", "mine\n")
    before = (ground.git("status", "--porcelain"), ground.git("for-each-ref"), own_files(ground))
    job = await ground.begin()
    ground.write("kept.txt", "changed\n")
    await ground.revert(await ground.end(job))
    after = (ground.git("status", "--porcelain"), ground.git("for-each-ref"), own_files(ground))
    assert after == before
    assert ground.read("untracked.txt") == "mine\n"


def own_files(ground: Ground) -> dict[str, bytes]:
    """All of .git but the index, whose times `git status` refreshes, and our line in exclude."""
    git = ground.project / ".git"
    left_out = (git / "index", git / "info/exclude")
    return {
        str(path): path.read_bytes()
        for path in git.rglob("*")
        if path.is_file() and path not in left_out
    }


async def test_what_was_there_before_the_job_is_not_the_jobs(ground: Ground) -> None:
    ground.write("mine.txt", "half done\n")
    ground.write("kept.txt", "my edit\n")
    job = await ground.begin()
    ground.write("kept.txt", "my edit\nits edit\n")
    found = await ground.end(job)
    assert await ground.files(found) == {"kept.txt": Kind.MODIFIED}
    await ground.revert(found)
    assert ground.read("kept.txt") == "my edit\n"
    assert ground.read("mine.txt") == "half done\n"


async def test_a_file_that_somebody_changed_since_is_left_and_named(ground: Ground) -> None:
    job = await ground.begin()
    change_much(ground)
    found = await ground.end(job)
    ground.write("kept.txt", "by hand\n")
    (ground.project / "src/new.txt").unlink()
    restored = await ground.revert(found)
    assert restored.left == (b"kept.txt",)
    assert sorted(restored.files) == [b"link", b"src/gone.txt"]
    assert ground.read("kept.txt") == "by hand\n"
    assert ground.read("src/gone.txt") == "to be deleted\n"


async def test_a_file_renamed_and_changed_comes_back_under_its_old_name(ground: Ground) -> None:
    ground.write("long.txt", "".join(f"line {n}\n" for n in range(50)))
    job = await ground.begin()
    (ground.project / "long.txt").rename(ground.project / "moved.txt")
    with (ground.project / "moved.txt").open("a") as file:
        file.write("one more\n")
    found = await ground.end(job)
    assert await ground.files(found) == {"moved.txt": Kind.RENAMED}
    await ground.revert(found)
    assert not (ground.project / "moved.txt").exists()
    assert ground.read("long.txt").endswith("line 49\n")


async def test_a_file_that_became_a_directory_is_a_file_again(ground: Ground) -> None:
    job = await ground.begin()
    (ground.project / "kept.txt").unlink()
    ground.write("kept.txt/inside", "x\n")
    found = await ground.end(job)
    await ground.revert(found)
    assert ground.read("kept.txt") == "one\ntwo\n"


async def test_what_somebody_put_in_the_way_stops_a_revert(ground: Ground) -> None:
    job = await ground.begin()
    (ground.project / "src/gone.txt").unlink()
    found = await ground.end(job)
    (ground.project / "src/gone.txt").mkdir()
    ground.write("src/gone.txt/precious", "mine\n")
    restored = await ground.revert(found)
    assert (restored.files, restored.left) == ((), (b"src/gone.txt",))
    assert ground.read("src/gone.txt/precious") == "mine\n"


async def test_ignored_files_are_not_kept_but_new_ones_are_named(ground: Ground) -> None:
    ground.write(".gitignore", "build/\n")
    ground.write("build/old", "x")
    job = await ground.begin()
    ground.write("build/made", "x")
    ground.write("hidden/.gitignore", "*\n")
    ground.write("hidden/evil.sh", "rm -rf /\n")
    found = await ground.end(job)
    assert await ground.files(found) == {}
    assert await ground.changes.newly_ignored(found) == ("hidden/",)


async def test_a_file_that_is_tracked_though_ignored_is_kept(ground: Ground) -> None:
    ground.write(".gitignore", "*.o\n")
    ground.write("tracked.o", "old\n")
    ground.git("add", "--force", "tracked.o")
    job = await ground.begin()
    ground.write("tracked.o", "new\n")
    found = await ground.end(job)
    assert await ground.files(found) == {"tracked.o": Kind.MODIFIED}


async def test_line_ends_and_filters_of_the_project_change_nothing_that_is_kept(
    ground: Ground,
) -> None:
    ground.write(".gitattributes", "*.txt text eol=lf ident filter=rot\n*.bin -diff\n")
    ground.git("config", "filter.rot.clean", "touch ../ran; tr a-z n-za-m")
    ground.git("config", "filter.rot.smudge", "touch ../ran; tr a-z n-za-m")
    ground.write("dos.txt", b"a\r\n$Id$\r\n")
    job = await ground.begin()
    ground.write("dos.txt", b"b\r\n$Id$\r\n")
    ground.write("text.bin", b"shown\n")
    found = await ground.end(job)
    assert found.counts == Counts(2, 2, 1)
    await ground.revert(found)
    assert (ground.project / "dos.txt").read_bytes() == b"a\r\n$Id$\r\n"
    assert not (ground.project.parent / "ran").exists()


async def test_a_job_that_wrote_nothing_is_not_looked_at_again(ground: Ground) -> None:
    job = ground.job()
    ground.changes.watch(job)
    await ground.changes.keep(job)
    ran = len(ground.workbench.ran)
    assert await ground.changes.settle(job) is None
    assert len(ground.workbench.ran) == ran


async def test_both_moments_are_in_the_log(ground: Ground) -> None:
    job = await ground.begin()
    ground.write("kept.txt", "changed\n")
    found = await ground.end(job)
    taken = [(e.data()["moment"], e.data()["commit"]) for e in ground.audit.events]
    assert taken == [("before", found.before), ("after", found.after)]


async def test_without_a_snapshot_nothing_may_write(ground: Ground) -> None:
    ground.workbench.failure = AgentFailed("no git here")
    job = ground.job()
    ground.changes.watch(job)
    await ground.changes.keep(job)
    why = await ground.changes.why_not(job)
    assert "nothing may be changed" in why
    assert "no git here" in why
    assert await ground.changes.settle(job) is None


async def test_without_a_log_nothing_may_write(ground: Ground) -> None:
    ground.audit.broken = "disk full"
    job = ground.job()
    ground.changes.watch(job)
    await ground.changes.keep(job)
    assert "disk full" in await ground.changes.why_not(job)


async def test_a_project_that_does_without_goes_on_and_says_so(ground: Ground) -> None:
    ground.care = Care.WANTED
    ground.changes = ground.made()
    ground.workbench.failure = AgentFailed("no git here")
    job = await ground.begin()
    assert (await ground.end(job)).trouble == "git: no git here"


async def test_a_project_without_snapshots_has_none(ground: Ground) -> None:
    ground.care = Care.OFF
    ground.changes = ground.made()
    job = await ground.begin()
    assert ground.state.snapshots(job.id) is None
    assert ground.workbench.ran == []


@pytest.mark.parametrize("kind", ["recipe", "question"])
async def test_what_does_not_write_by_itself_is_not_kept(ground: Ground, kind: str) -> None:
    job = ground.job()
    if kind == "recipe":
        job = replace(job, work=Program("test", ("make",), "."))
    else:
        job = replace(job, read_only=True)
    ground.changes.watch(job)
    await ground.changes.keep(job)
    assert ground.state.snapshots(job.id) is None


async def test_what_a_crash_left_is_counted_when_the_daemon_is_back(ground: Ground) -> None:
    job = await ground.begin()
    ground.write("kept.txt", "half\n")
    fresh = ground.made()
    assert await fresh.close(job.id) == Counts(1, 1, 2)
    assert ground.found(job).after


async def test_a_recorded_revert_that_the_log_refuses_does_not_happen(ground: Ground) -> None:
    job = await ground.begin()
    ground.write("kept.txt", "changed\n")
    found = await ground.end(job)

    async def refuse(_files: Sequence[bytes]) -> None:
        raise AuditUnavailable("disk full")

    with pytest.raises(AuditUnavailable):
        await ground.changes.restore(found, refuse)
    assert ground.read("kept.txt") == "changed\n"


async def test_a_snapshot_that_somebody_removed_is_said(ground: Ground) -> None:
    job = await ground.begin()
    ground.write("kept.txt", "changed\n")
    found = await ground.end(job)
    subprocess.run(["rm", "-rf", str(ground.project / ".dispatch")], check=True)
    with pytest.raises(NotShown, match="git"):
        await ground.changes.between(found, found.before, found.after)


def put_in_place_of(ground: Ground, content: bytes, other: bytes) -> None:
    """What an agent's program can do: let git find something else under a content's name."""
    name = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    for objects in (".git/objects", ".dispatch/.git/objects"):
        path = ground.project / objects / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(zlib.compress(b"blob %d\0" % len(other) + other))


async def test_a_content_that_was_forged_beforehand_is_not_shown(ground: Ground) -> None:
    job = await ground.begin()
    put_in_place_of(ground, b"a back door\n", b"one\ntwo\nharmless\n")
    ground.write("kept.txt", "a back door\n")
    found = await ground.end(job)
    assert found.after == ""
    assert "is not what it was" in found.trouble


async def test_a_content_that_was_forged_since_is_neither_shown_nor_restored(
    ground: Ground,
) -> None:
    job = await ground.begin()
    ground.write("kept.txt", "changed\n")
    found = await ground.end(job)
    (change,) = await ground.changes.between(found, found.before, found.after)
    put_in_place_of(ground, b"one\ntwo\n", b"a back door\n")
    for look in (ground.changes.lines(found, change), ground.changes.patch(found)):
        with pytest.raises(NotShown, match="is not what it was"):
            await look
    with pytest.raises(NotShown, match="is not what it was"):
        await ground.revert(found)
    assert ground.read("kept.txt") == "changed\n"


async def test_a_file_that_git_was_told_to_overlook_is_looked_at(ground: Ground) -> None:
    await ground.end(await ground.begin())
    job = await ground.begin()
    (index,) = (ground.project / ".dispatch/.git").glob("index.*")
    ours = ("env", f"GIT_INDEX_FILE={index}", "git", "--git-dir=.dispatch/.git", "--work-tree=.")
    argv = [*ours, "update-index", "--assume-unchanged", "kept.txt"]
    subprocess.run(argv, cwd=ground.project, check=True)
    ground.write("kept.txt", "a back door\n")
    assert await ground.files(await ground.end(job)) == {"kept.txt": Kind.MODIFIED}


async def test_only_the_latest_jobs_are_kept(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.core.snapshots.KEPT_JOBS", 2)
    monkeypatch.setattr("appliance.services.changes.FORGET_EVERY", 4)
    for number in range(4):
        job = await ground.begin()
        ground.write("kept.txt", f"{number}\n")
        await ground.end(job)
    names = ground.git(
        "--git-dir=.dispatch/.git", "for-each-ref", "--format=%(refname)", "refs/dispatch"
    )
    assert names.split() == [
        "refs/dispatch/3/after",
        "refs/dispatch/3/before",
        "refs/dispatch/4/after",
        "refs/dispatch/4/before",
    ]


async def test_a_job_number_is_a_name_of_git(ground: Ground) -> None:
    assert await ground.changes.close(JobId(99)) is None
