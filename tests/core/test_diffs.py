"""git's output is read as git writes it, and refused in any other form."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.core.diffs import (
    BadDiff,
    Counts,
    FileChange,
    Kind,
    Line,
    Side,
    Sign,
    changes,
    counts,
    index_lines,
    lines,
)

BLOB = st.text("0123456789abcdef", min_size=40, max_size=40).filter(lambda b: b.strip("0"))
ZERO = "0" * 40
PART = st.binary(min_size=1, max_size=12).filter(
    lambda part: b"\0" not in part and b"/" not in part and part not in (b".", b"..")
)
PATH = st.lists(PART, min_size=1, max_size=3).map(b"/".join)
MODE = st.sampled_from(["100644", "100755", "120000", "160000"])
NUMBERS = st.one_of(st.none(), st.tuples(st.integers(0, 9999), st.integers(0, 9999)))


@st.composite
def file_changes(draw: st.DrawFn, path: bytes) -> FileChange:
    kind = draw(st.sampled_from(Kind))
    old = Side(path, draw(MODE), draw(BLOB))
    new = Side(path, draw(MODE), draw(BLOB))
    if kind is Kind.ADDED:
        old = Side(path, "000000", ZERO)
    if kind is Kind.DELETED:
        new = Side(path, "000000", ZERO)
    if kind is Kind.RENAMED:
        old = Side(draw(PATH), old.mode, old.blob)
    numbers = draw(NUMBERS)
    added, removed = numbers if numbers else (None, None)
    return FileChange(kind, old, new, added, removed)


LISTS = st.lists(PATH, unique=True, max_size=6).flatmap(
    lambda paths: st.tuples(*(file_changes(path) for path in paths))
)


def written(found: Sequence[FileChange]) -> bytes:
    """As git writes it."""
    raw, numbers = b"", b""
    for change in found:
        old, new = change.old, change.new
        is_renamed = change.kind is Kind.RENAMED
        letter = "R087" if is_renamed else change.kind
        raw += f":{old.mode} {new.mode} {old.blob} {new.blob} {letter}".encode() + b"\0"
        raw += (old.path + b"\0" if is_renamed else b"") + new.path + b"\0"
        added = "-" if change.added is None else str(change.added)
        removed = "-" if change.removed is None else str(change.removed)
        numbers += f"{added}\t{removed}\t".encode()
        numbers += b"\0" + old.path + b"\0" if is_renamed else b""
        numbers += new.path + b"\0"
    return raw + numbers


@given(LISTS)
def test_what_git_writes_is_read_back(found: tuple[FileChange, ...]) -> None:
    assert changes(written(found)) == found


@given(LISTS.filter(bool), st.data())
def test_what_is_cut_off_anywhere_is_never_taken_for_another_list(
    found: tuple[FileChange, ...], data: st.DataObject
) -> None:
    whole = written(found)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(BadDiff):
        changes(whole[:cut])


@given(st.binary(max_size=300))
@example(b":100644 100644 \0")
def test_anything_else_is_refused_and_never_fails_otherwise(noise: bytes) -> None:
    with suppress(BadDiff):
        assert changes(noise) == () or noise


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/../b", ".", "a/."])
def test_a_name_outside_the_project_is_refused(path: str) -> None:
    side = Side(path.encode(), "100644", "ab" * 20)
    with pytest.raises(BadDiff, match="not a name inside"):
        changes(written([FileChange(Kind.MODIFIED, side, side, 1, 1)]))


def test_counts_add_up_and_leave_out_what_is_no_text() -> None:
    side = Side(b"a", "100644", "ab" * 20)
    text = FileChange(Kind.MODIFIED, side, side, 3, 2)
    binary = FileChange(Kind.MODIFIED, side, side, None, None)
    assert counts([text, text, binary]) == Counts(3, 6, 4)
    assert counts([]) == Counts()


def test_a_rename_taken_back_is_two_lines_of_the_index() -> None:
    old, new = Side(b"old", "100755", "ab" * 20), Side(b"new", "100644", "cd" * 20)
    sides = FileChange(Kind.RENAMED, old, new, 0, 0).sides
    assert index_lines(sides) == (
        b"100755 " + b"ab" * 20 + b"\told\0" + b"0 " + b"0" * 40 + b"\tnew\0"
    )


# --- lines

ROW = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=8)
TEXT = st.lists(ROW, max_size=9)


def patch_of(directory: Path, old: str, new: str) -> str:
    (directory / "old").write_bytes(old.encode())
    (directory / "new").write_bytes(new.encode())
    argv = ["git", "diff", "--no-index", "--text", "--no-color", "old", "new"]
    found = subprocess.run(argv, cwd=directory, capture_output=True, check=False)
    return found.stdout.decode()


@settings(max_examples=60, deadline=None)
@given(TEXT, TEXT, st.booleans(), st.booleans())
def test_the_lines_of_a_real_patch_make_the_new_file_of_the_old_one(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[str],
    new: list[str],
    old_ends: bool,
    new_ends: bool,
) -> None:
    before = "\n".join(old) + ("\n" if old and old_ends else "")
    after = "\n".join(new) + ("\n" if new and new_ends else "")
    found = lines(patch_of(tmp_path_factory.mktemp("patch"), before, after))
    added = [line.text for line in found if line.sign is Sign.ADDED]
    removed = [line.text for line in found if line.sign is Sign.REMOVED]
    assert (len(added) - len(removed)) == len(_rows(after)) - len(_rows(before))
    assert set(added) <= set(_rows(after))
    assert set(removed) <= set(_rows(before))
    assert bool(found) == (before != after)


def _rows(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


HEAD = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n"


def test_what_stands_before_the_first_hunk_is_left_out() -> None:
    assert lines(HEAD + "@@ -1 +1,2 @@ def f():\n a\n+b\n\\ No newline at end of file\n") == (
        Line(Sign.HEAD, "@@ -1 +1,2 @@ def f():"),
        Line(Sign.SAME, "a"),
        Line(Sign.ADDED, "b"),
        Line(Sign.NOTE, " No newline at end of file"),
    )


def test_a_line_that_looks_like_a_head_is_a_line() -> None:
    found = lines("@@ -1 +1 @@\n-@@ -9,9 +9,9 @@\n+--- a/x\n")
    assert [line.text for line in found[1:]] == ["@@ -9,9 +9,9 @@", "--- a/x"]


def test_no_patch_has_no_lines() -> None:
    assert lines("") == ()
    assert lines("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n") == ()


@pytest.mark.parametrize(
    "patch",
    [
        "@@ -1 +1 @@\n-a\n",  # cut off
        "@@ -1 +1 @@\n-a\n+b",
        "@@ -1 +1 @@\n-a\n+b\n+c\n",  # more than its head says
        "@@ -1,1 +1,2 @@\n a\nb\n",
        "@@ nonsense @@\n a\n",
        "@@ -1 +1 @@\n\n",
    ],
)
def test_a_patch_that_contradicts_itself_is_refused(patch: str) -> None:
    with pytest.raises(BadDiff):
        lines(patch)


@given(st.text(max_size=200))
def test_no_text_makes_reading_lines_fail_otherwise(text: str) -> None:
    with suppress(BadDiff):
        lines("@@ -1 +1 @@\n" + text)
