"""Who may what more or less, told by what the rules say and not by how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.core.model import UserName
from appliance.policy.difference import between
from appliance.policy.loader import load
from tests.policy import policies_on_disk as disk

BASE = ["g, me, dev", "p, dev, *, bash, git **, allow"]


def _told(tmp_path: Path, old: Sequence[str], new: Sequence[str]) -> list[str]:
    projects = disk.projects(tmp_path, "demo", "other")
    users = [UserName("me"), UserName("ann")]
    before, after = (
        load(disk.write(tmp_path / name, *lines), users, projects)
        for name, lines in (("old", old), ("new", new))
    )
    return [str(change).rsplit(" (", 1)[0] for change in between(before, after)]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("p, dev, *, bash, git push **, deny",
         ["- me everywhere: bash git push **: allowed → denied"]),
        ("p, dev, demo, bash, git push **, approve",
         ["- me in demo: bash git push **: allowed → asks"]),
        ("p, dev, *, bash, git log **, allow", []),
        ("p, dev, demo, write, src/**, allow",
         ["+ me in demo: write src/**: denied → allowed"]),
        ("g, ann, dev", ["+ ann everywhere: bash git **: denied → allowed"]),
        ("# only a note", []),
    ],
)  # fmt: skip
def test_an_added_line_is_told_by_what_it_changes(
    tmp_path: Path, more: str, told: list[str]
) -> None:
    assert _told(tmp_path, BASE, [*BASE, more]) == told
    back = _told(tmp_path, [*BASE, more], BASE)
    assert len(back) == len(told)
    assert all(one[0] != other[0] for one, other in zip(told, back, strict=True))


def test_lines_in_another_order_are_no_difference(tmp_path: Path) -> None:
    assert _told(tmp_path, BASE, BASE[::-1]) == []


def test_other_approvers_are_a_difference(tmp_path: Path) -> None:
    lines = [*BASE, "g, ann, lead", "p, lead, *, chat, /x, allow"]
    asks = "p, dev, demo, bash, make, approve"
    assert _told(tmp_path, [*lines, asks], [*lines, f"{asks}, by=lead"]) == [
        "~ me in demo: bash make: asks → asks lead"
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (["make, allow"], ["make, allow, days=mon-fri"], "- … allowed → allowed only on mon-fri"),
        (["make, approve"], ["make, approve, hours=09:00-17:00"],
         "- … asks → asks only 09:00-17:00"),
        (["make, allow"], ["make, allow", "make **, deny, days=sat"],
         "- … allowed → denied only on sat"),
        (["make **, approve, fallback"],
         ["make **, approve, fallback", "make, allow, via=web"],
         "+ … asks → asks, allowed only from web"),
        (["make **, allow, hours=09:00-17:00"], ["make **, allow, hours=09:00-18:00"],
         "~ … allowed only 09:00-17:00 → allowed only 09:00-18:00"),
        (["make **, allow", "make, approve, days=mon"], ["make **, allow"],
         "+ … asks only on mon → allowed"),
    ],
)  # fmt: skip
def test_hours_and_chats_are_a_difference(
    tmp_path: Path, old: Sequence[str], new: Sequence[str], told: str
) -> None:
    lines = ([*BASE, *(f"p, dev, demo, bash, {rule}" for rule in some)] for some in (old, new))
    found = [re.sub(r"me in demo: bash make( \*\*)?:", "…", one) for one in _told(tmp_path, *lines)]
    assert told in found
