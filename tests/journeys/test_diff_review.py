"""A change is read, taken back, asked for anew and merged with one thumb: on real parts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import ALICE, House
from tests.journeys.story import Story

pytestmark = pytest.mark.real_cli

WIDE = "def a_long_name(argument: str, another: int, one_more: bool = False) -> None:\n"


def git(project: Path, *argv: str) -> str:
    named = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    found = subprocess.run(
        ["git", *named, *argv], cwd=project, check=True, capture_output=True, text=True
    )
    return found.stdout


def committed(project: Path) -> None:
    """Something that a worktree may begin with."""
    project.mkdir(exist_ok=True)
    git(project, "init", "--quiet", "-b", "main")
    (project / "README.md").write_text("hello from the project\n")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "first")


def edits(project: Path, words: str) -> tuple[Turn, ...]:
    readme = str(project / "README.md")
    edit = {"file_path": readme, "old_string": "hello", "new_string": "goodbye"}
    wide = {"file_path": str(project / "wide.py"), "content": WIDE * 3}
    return (
        Turn("", (Call("Read", {"file_path": readme}),), says(words)),
        Turn("", (Call("Edit", edit),), returned("hello from")),
        Turn("", (Call("Write", wide),), returned("updated")),
        Turn("It is done.", when=returned("wide.py"), times=9),
    )


async def test_changes_are_read_and_taken_back(tmp_path: Path, claude_program: Path) -> None:
    project = tmp_path / "project"
    committed(project)
    title = "A change is read file by file, not committed, and taken back."
    async with (
        House(
            tmp_path, claude_program, *edits(project, "mend the greeting"), owner="alice"
        ) as house,
        Story(house, "diff_review", title) as story,
    ):
        await story.says("mend the greeting")
        await story.reads("2 files changed +4 −1")
        await story.says("/diff")
        await story.presses("1")
        await story.presses("▶")
        await story.reads("2/2 · wide.py")
        await story.presses("List")
        await story.says("/commit goodbye instead of hello")
        await story.presses("Deny")
        (project / "wide.py").write_text("by hand\n")
        await story.says("/revert 1")
        await story.presses("Yes, revert")
        await story.reads("1 file is as before.")
        assert (project / "README.md").read_text() == "hello from the project\n"
        assert (project / "wide.py").read_text() == "by hand\n"
        assert git(project, "log", "--format=%s") == "first\n"
        assert git(project, "for-each-ref").count("\n") == 1

        assert await house.stop() == 0
        kinds = house.kinds()
        assert kinds.count("snapshot.taken") >= 2
        assert kinds.count("changes.shown") == 4
        assert kinds.count("revert.started") == 1
        assert "intact" in house.verify()


async def test_what_a_killed_daemon_left_can_be_taken_back(
    tmp_path: Path, claude_program: Path
) -> None:
    project = tmp_path / "project"
    committed(project)
    turns = (*edits(project, "mend it")[:3],)
    ask = Turn("", (Call("Bash", {"command": "rm -rf build"}),), returned("wide.py"))
    async with House(tmp_path, claude_program, *turns, ask) as house:
        house.tg.user_says(ALICE, "/run mend it")
        await house.reads("rm -rf build")
        await house.kill()
        await house.start()
        await house.reads("was interrupted")
        house.tg.user_says(ALICE, "/revert 1 yes")
        await house.reads("2 files are as before.")
        assert (project / "README.md").read_text() == "hello from the project\n"
        assert not (project / "wide.py").exists()


async def test_a_worktree_is_reviewed_and_merged(tmp_path: Path, claude_program: Path) -> None:
    project = tmp_path / "project"
    committed(project)
    tree = project / ".dispatch/worktrees/1"
    async with House(tmp_path, claude_program, *edits(tree, "mend it")) as house:
        house.tg.user_says(ALICE, "/worktree mend it")
        await house.reads("worked on the branch dispatch/1 · 2 files changed +4 −1")
        assert (project / "README.md").read_text() == "hello from the project\n"
        house.press("Merge")
        await house.reads("Job 1 is merged")
        assert (project / "README.md").read_text() == "goodbye from the project\n"
        assert "mend it" in git(project, "log", "--format=%s")
        assert not tree.exists()


async def test_a_commit_is_asked_about_and_made(tmp_path: Path, claude_program: Path) -> None:
    project = tmp_path / "project"
    committed(project)
    async with House(tmp_path, claude_program, *edits(project, "mend the greeting")) as house:
        house.tg.user_says(ALICE, "mend the greeting")
        await house.reads("It is done.")
        house.tg.user_says(ALICE, "/diff")
        await house.reads("demo · 2 files changed")
        house.press("Commit")
        await house.reads("mend the greeting")
        await house.reads("May this run?")
        house.press("Approve")
        await house.reads("create mode 100644 wide.py")
        assert git(project, "log", "-1", "--format=%s") == "mend the greeting\n"
        assert git(project, "status", "--porcelain") == ""


async def test_a_branch_is_pushed_after_approval_and_a_missing_program_is_one_sentence(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    committed(project)
    git(project, "init", "--quiet", "--bare", ".dispatch-remote")
    git(project, "remote", "add", "origin", str(project / ".dispatch-remote"))
    async with House(tmp_path, None) as house:
        house.tg.user_says(ALICE, "/push")
        await house.reads("May this run?")
        assert git(project, "ls-remote", "origin") == ""
        house.press("Approve")
        await house.reads("✓ done")
        assert git(project, "rev-parse", "HEAD").strip() in git(project, "ls-remote", "origin")
        house.tg.user_says(ALICE, "/pr")
        await house.reads("gh pr create --fill")
        house.press("Approve")
        await house.reads("there is no program gh on")
        assert not any("error:" in text for text in house.texts())
