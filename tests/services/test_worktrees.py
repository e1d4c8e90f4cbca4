"""Branches and worktrees of jobs, with real git."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.commands import Fate
from appliance.core.jobs import Job
from appliance.core.model import JobId, Program, Project, ProjectName, Prompt, Workplace
from appliance.errors import AgentFailed
from appliance.services.worktrees import Worktrees, place_of
from tests.examples import job as example_job
from tests.services.rig import DEMO
from tests.services.test_changes import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def worktrees(ground: Ground, work: Workplace = Workplace.DIRECTORY) -> Worktrees:
    project = Project(DEMO, str(ground.project), work=work)
    return Worktrees(ground.workbench, {DEMO: project})


def in_tree(number: int = 12, tree: int = 0) -> Job:
    return replace(example_job(), id=JobId(number), tree=JobId(tree), work=Prompt("mend it -- now"))


TREE = ".dispatch/worktrees/12"


async def test_a_worktree_begins_with_what_is_committed(ground: Ground) -> None:
    ground.write("kept.txt", "not committed\n")
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    assert ground.read(f"{TREE}/kept.txt") == "one\ntwo\n"
    assert ground.git("branch", "--list", "dispatch/12", "--format=%(refname:short)").split() == [
        "dispatch/12"
    ]
    assert ground.git("status", "--porcelain").split() == ["M", "kept.txt"]


async def test_made_again_it_keeps_what_is_in_it(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/new.txt", "half done\n")
    await trees.prepare(in_tree(number=13, tree=12))
    assert ground.read(f"{TREE}/new.txt") == "half done\n"


async def test_what_a_crash_left_of_one_is_made_whole(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    (ground.project / TREE / ".git").unlink()
    await trees.prepare(in_tree())
    assert ground.git("-C", TREE, "status", "--porcelain") == ""


async def test_merged_it_is_in_the_project_and_gone(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/new.txt", "done\n")
    assert await trees.settle(in_tree(), Fate.MERGE)
    assert ground.read("new.txt") == "done\n"
    assert not (ground.project / TREE).exists()
    assert ground.git("branch", "--list", "dispatch/*") == ""
    assert "mend it -- now" in ground.git("log", "--format=%s")
    assert await trees.settle(in_tree(), Fate.MERGE)  # after a crash


async def test_a_conflict_changes_nothing(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/kept.txt", "theirs\n")
    ground.write("kept.txt", "ours\n")
    ground.git("commit", "--quiet", "-a", "-m", "ours")
    before = ground.git("rev-parse", "HEAD")
    assert not await trees.settle(in_tree(), Fate.MERGE)
    assert ground.git("rev-parse", "HEAD") == before
    assert ground.git("status", "--porcelain") == ""
    assert ground.read(f"{TREE}/kept.txt") == "theirs\n"


async def test_what_is_not_committed_in_the_project_is_not_merged_over(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/kept.txt", "theirs\n")
    ground.write("kept.txt", "half done\n")
    assert not await trees.settle(in_tree(), Fate.MERGE)
    assert ground.read("kept.txt") == "half done\n"


async def test_kept_it_is_committed_and_there(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/new.txt", "done\n")
    assert await trees.settle(in_tree(), Fate.KEEP)
    assert ground.git("show", "dispatch/12:new.txt") == "done\n"
    assert (ground.project / TREE).exists()


async def test_removed_it_is_gone_with_its_branch(ground: Ground) -> None:
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/new.txt", "not wanted\n")
    assert await trees.settle(in_tree(), Fate.REMOVE)
    assert not (ground.project / TREE).exists()
    assert ground.git("branch", "--list", "dispatch/*") == ""


async def test_hooks_of_the_project_are_not_run(ground: Ground) -> None:
    for name in ("post-checkout", "pre-commit", "commit-msg", "post-merge", "post-commit"):
        hook = ground.project / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch ../ran ../../../../ran\nexit 1\n")
        hook.chmod(0o755)
    trees = worktrees(ground)
    await trees.prepare(in_tree())
    ground.write(f"{TREE}/new.txt", "done\n")
    assert await trees.settle(in_tree(), Fate.MERGE)
    assert not (ground.project.parent / "ran").exists()


async def test_a_job_of_a_project_with_branches_is_on_one(ground: Ground) -> None:
    trees = worktrees(ground, Workplace.BRANCH)
    job = replace(example_job(), id=JobId(7))
    await trees.prepare(job)
    assert ground.git("branch", "--show-current") == "dispatch/7\n"
    await trees.prepare(replace(job, id=JobId(8)))
    assert ground.git("branch", "--show-current") == "dispatch/7\n"


@pytest.mark.parametrize("kind", ["recipe", "question", "no project"])
async def test_who_writes_nothing_needs_no_branch(ground: Ground, kind: str) -> None:
    job = replace(example_job(), read_only=kind == "question")
    if kind == "recipe":
        job = replace(job, work=Program("test", ("make",), "."))
    if kind == "no project":
        job = replace(job, project=ProjectName("workspace"))
    await worktrees(ground, Workplace.BRANCH).prepare(job)
    assert ground.git("branch", "--show-current") == "main\n"


@pytest.mark.parametrize("is_git", [True, False])
async def test_without_a_commit_there_is_no_worktree(tmp_path: Path, is_git: bool) -> None:
    ground = Ground(tmp_path, is_git=False)
    if is_git:
        ground.git("init", "--quiet")
    with pytest.raises(AgentFailed, match="no commit yet"):
        await worktrees(ground).prepare(in_tree())


async def test_a_job_without_one_has_none_to_settle(ground: Ground) -> None:
    with pytest.raises(AgentFailed, match="no worktree"):
        await worktrees(ground).settle(example_job(), Fate.MERGE)


def test_a_session_stays_in_its_worktree() -> None:
    assert example_job().worktree is None
    assert in_tree().worktree == 12
    assert in_tree(number=15, tree=12).worktree == 12


def test_a_job_is_judged_by_where_it_works() -> None:
    project = Project(DEMO, "/srv/demo")
    assert place_of(project, example_job()) == "/srv/demo"
    assert place_of(project, in_tree()) == "/srv/demo/.dispatch/worktrees/12"
