"""The administrator's list is read strictly, and only when nobody else can write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import SandboxRefused
from appliance.task.projects import Projects, load


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    file = path / "projects.json"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_what_was_encoded_is_loaded(tmp_path: Path) -> None:
    projects = Projects(
        {"web": str(tmp_path)}, home=str(tmp_path), hidden=("/etc/dispatch",), readable=("/opt",)
    )
    assert load(written(tmp_path, projects.encode())) == projects


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_list_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, Projects({}, home="/srv").encode(), mode)
    with pytest.raises(SandboxRefused, match="can be written by others: run chmod go-w"):
        load(file)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"user": "root"},
        {"projects": ["/srv"]},
        {"projects": {"web": "srv/web"}},
        {"projects": {"web": "/"}},
        {"projects": {"web": 1}},
        {"home": "/"},
        {"home": "/srv/\0"},
        {"path": None},
        {"hidden": "/etc"},
        {"readable": ["opt"]},
    ],
    ids=str,
)
def test_a_list_with_anything_unexpected_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    found = json.loads(Projects({}, home="/srv").encode()) | change
    with pytest.raises(SandboxRefused, match=r"projects\.json"):
        load(written(tmp_path, json.dumps(found)))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SandboxRefused):
        load(written(tmp_path, text))


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxRefused, match="cannot be read"):
        load(tmp_path / "projects.json")


def test_links_in_paths_are_resolved_so_that_a_check_is_about_the_real_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    projects = Projects({"web": str(tmp_path / "link")}, home=str(tmp_path))
    assert load(written(tmp_path, projects.encode())).projects["web"] == str(tmp_path / "real")
