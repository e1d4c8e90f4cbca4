"""How a change is laid out for a phone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core import review
from appliance.core.commands import CommitChanges, Fate, RevertChanges, SettleTree, ShowChanges
from appliance.core.diffs import Line, Sign
from appliance.core.model import JobId
from appliance.core.parsing import parse
from appliance.core.review import (
    CHARACTERS_OF_PAGE,
    LINES_OF_PAGE,
    LONGEST_LINE,
    Under,
    file_token,
    list_token,
    page,
    presentable,
    pressed,
)

LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from([Sign.SAME, Sign.ADDED, Sign.REMOVED]),
        st.text(st.characters(exclude_characters="\n"), max_size=120),
    ),
    max_size=120,
)


@given(LINES)
def test_the_pages_together_are_all_lines(lines: list[Line]) -> None:
    first = page(lines, 0)
    found = [line for number in range(first.of) for line in page(lines, number).lines]
    assert found == lines
    for number in range(first.of):
        shown = page(lines, number)
        assert len(shown.lines) <= LINES_OF_PAGE
        assert sum(len(line.whole) + 1 for line in shown.lines) <= CHARACTERS_OF_PAGE or (
            len(shown.lines) == 1
        )


def test_a_page_that_is_not_there_is_the_last_one() -> None:
    lines = [Line(Sign.ADDED, "x")] * 100
    assert page(lines, 99) == page(lines, page(lines, 0).of - 1)


@given(LINES)
def test_what_is_shown_hides_nothing_and_has_an_end(lines: list[Line]) -> None:
    for line in presentable(lines):
        assert "\t" not in line.whole
        assert "\u202e" not in line.whole
        assert len(line.whole) <= LONGEST_LINE


def test_a_secret_over_several_lines_is_not_shown() -> None:
    key = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkq", "-----END PRIVATE KEY-----"]
    shown = presentable([Line(Sign.ADDED, row) for row in ("a = 1", *key, "b = 2")])
    text = "\n".join(line.whole for line in shown)
    assert "MIIEvQIBADANBgkq" not in text
    assert text.startswith("+a = 1\n+[redacted")
    assert text.endswith("+b = 2")


def test_line_ends_of_windows_are_shown_where_only_some_lines_have_them() -> None:
    dos, unix = Line(Sign.ADDED, "a\r"), Line(Sign.ADDED, "b")
    assert [line.text for line in presentable([dos, dos])] == ["a", "a"]
    assert [line.text for line in presentable([dos, unix])] == ["a\\u000d", "b"]


def test_narrow_lines_are_text_and_wide_ones_a_picture() -> None:
    narrow, wide = Line(Sign.ADDED, "x" * 40), Line(Sign.ADDED, "x" * 60)
    assert not page([narrow] * 9, 0).is_wide
    assert not page([narrow, wide], 0).is_wide
    assert page([wide, wide], 0).is_wide


JOB = JobId(12)


@pytest.mark.parametrize(
    ("token", "command"),
    [
        (list_token(JOB), ShowChanges(JOB)),
        (file_token(JOB, 3), ShowChanges(JOB, 3)),
        (file_token(JOB, 3, 1), ShowChanges(JOB, 3, 1)),
        (file_token(JOB, 3, 1, Under.PICTURE), ShowChanges(JOB, 3, 1, is_anew=True)),
        ("vw:12", ShowChanges(JOB, whole=True)),
        ("vr:12", RevertChanges(JOB)),
        ("vz:12", RevertChanges(JOB, is_sure=True)),
        ("vm:12", SettleTree(JOB, Fate.MERGE)),
        ("vk:12", SettleTree(JOB, Fate.KEEP)),
        ("vx:12", SettleTree(JOB, Fate.REMOVE)),
        ("vy:12", SettleTree(JOB, Fate.REMOVE, is_sure=True)),
    ],
)
def test_a_button_and_the_words_for_it_mean_the_same(
    token: str, command: review.ReviewCommand
) -> None:
    assert pressed(token) == command
    if isinstance(command, ShowChanges):
        command = replace(command, is_anew=False)
    assert parse(review.typed(command), ()) == command


def test_the_commit_button_is_the_recipe() -> None:
    assert pressed("vc:12") == CommitChanges(JOB)
    assert review.typed(CommitChanges(JOB)) == "/commit MESSAGE"


@given(st.text(max_size=40))
def test_no_other_token_is_one_of_ours(value: str) -> None:
    command = pressed(f"v:{value}")
    assert command is None or f"v:{value}".startswith(f"v:{command.job}")


@pytest.mark.parametrize(
    "token", ["v", "v:", "v:0", "v:12:0", "v:12:1:1:1", "v:-1", "vr:", "vr:1:2", "vq:1", "v:१२"]
)
def test_a_token_of_another_form_is_none(token: str) -> None:
    assert pressed(token) is None


@pytest.mark.parametrize(
    "words",
    [
        *("/diff x", "/diff 12 x", "/diff 12 0", "/diff 1 2 3 4", "/revert", "/revert 12 now"),
        *("/tree 12", "/tree burn 12", "/worktree", "/run --worktree"),
    ],
)
def test_words_that_are_none_say_what_to_write(words: str) -> None:
    assert "Write: /" in str(parse(words, ()).sentence)  # type: ignore[union-attr]
