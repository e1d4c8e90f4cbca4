from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.changes import ADDED, KEPT, REMOVED, Change, change
from appliance.core.model import ToolCall
from appliance.core.replies.about_calls import call_in_full
from tests.audit.report.happenings import EDIT

lines = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=5), max_size=8)


def test_an_edit_shows_what_it_keeps_removes_and_adds() -> None:
    assert change(EDIT) == Change(
        "Edit /srv/web/dates.py",
        (
            (KEPT, "def parse(text):"),
            (REMOVED, "    return None"),
            (ADDED, "    return date.fromisoformat(text)"),
        ),
    )


def test_a_new_file_is_all_added() -> None:
    found = change("Write /srv/a.py\n+ one\n+ two")
    assert found is not None
    assert found.lines == ((ADDED, "one"), (ADDED, "two"))


@pytest.mark.parametrize(
    "text", ["", "make test", "Read\nfile_path: /etc/shadow", "Edit a\n+ new\n- old", "a\n- b\nc"]
)
def test_anything_else_is_no_change(text: str) -> None:
    assert change(text) is None


@given(lines, lines)
def test_old_and_new_can_be_read_off_a_change(old: list[str], new: list[str]) -> None:
    given = {"file_path": "a", "old_string": "\n".join(old), "new_string": "\n".join(new)}
    found = change(call_in_full(ToolCall("t1", "Edit", given, "/srv")))
    assert found is not None
    assert [line for sign, line in found.lines if sign != ADDED] == "\n".join(old).split("\n")
    assert [line for sign, line in found.lines if sign != REMOVED] == "\n".join(new).split("\n")


def test_lines_made_to_be_hard_to_compare_take_no_time() -> None:
    old, new = ["a", "b"] * 20_000, ["b", "a"] * 20_000
    text = "\n".join(["Edit a", *(f"- {line}" for line in old), *(f"+ {line}" for line in new)])
    assert change(text) is not None
