"""The profile for macOS names what is allowed and denies the rest; it can only be read here."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.task import seatbelt
from appliance.task.projects import Projects


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    for name in ("project", "home", "state", "other", "readable", "own"):
        (tmp_path / name).mkdir()
    return Projects(
        {"web": str(tmp_path / "project"), "other": str(tmp_path / "other")},
        home=str(tmp_path / "home"),
        hidden=(str(tmp_path / "state"),),
        readable=(str(tmp_path / "readable"),),
    )


def profile(projects: Projects, reachable: str | None = None) -> str:
    root = Path(projects.projects["web"])
    return seatbelt.profile(projects, root, temporary=root.parent / "own", reachable=reachable)


def forms(text: str) -> list[str]:
    """The top-level forms, each with its brackets matched and its texts closed."""
    found, depth, start = [], 0, 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|[()]', text):
        if token[0] == "(":
            start = token.start() if depth == 0 else start
            depth += 1
        elif token[0] == ")":
            depth -= 1
            assert depth >= 0
            if depth == 0:
                found.append(text[start : token.end()])
    assert depth == 0
    return found


def test_everything_is_denied_that_is_not_named(projects: Projects) -> None:
    first, second, *_ = forms(profile(projects))
    assert (first, second) == ("(version 1)", "(deny default)")


def test_the_project_and_its_own_places_can_be_written_and_nothing_else(
    tmp_path: Path, projects: Projects
) -> None:
    (writable,) = [form for form in forms(profile(projects)) if "allow file-read* file-w" in form]
    found = re.findall(r'"([^"]+)"', writable)
    assert found == [str(tmp_path / n) for n in ("project", "own", "home/.claude/projects")]


def test_guarded_and_hidden_places_come_last_because_later_lines_win(
    tmp_path: Path, projects: Projects
) -> None:
    *_, hidden, guarded, git = forms(profile(projects))
    assert "deny file-read* file-write*" in hidden
    assert {str(tmp_path / n) for n in ("state", "other")} <= set(re.findall(r'"([^"]+)"', hidden))
    for name in (".git/hooks", ".git/config", ".claude"):
        assert f'(subpath "{tmp_path / "project" / name}")' in guarded
    assert git == f'(deny file-write-unlink (literal "{tmp_path / "project" / ".git"}"))'


def test_a_hidden_place_around_the_project_is_simply_not_allowed(
    tmp_path: Path, projects: Projects
) -> None:
    text = profile(replace(projects, hidden=(str(tmp_path),)))
    assert f'(subpath "{tmp_path}")' not in text


def test_there_is_no_network_but_the_way_out(projects: Projects) -> None:
    assert not [form for form in forms(profile(projects)) if form.startswith("(allow network")]
    (network,) = [f for f in forms(profile(projects, "localhost:4711")) if "(allow network" in f]
    assert network == '(allow network-outbound (remote tcp "localhost:4711"))'


def test_the_keychain_is_not_named(projects: Projects) -> None:
    text = profile(projects)
    assert "SecurityServer" not in text
    assert "Keychains" not in text
    assert "mach-lookup (global-name" in text


def test_a_path_cannot_break_out_of_its_text(tmp_path: Path, projects: Projects) -> None:
    nasty = tmp_path / 'a") (allow default) ("\\'
    nasty.mkdir()
    changed = replace(projects, projects={"web": str(nasty)})
    assert "(allow default)" not in forms(profile(changed))
    assert len(forms(profile(changed))) == len(forms(profile(projects)))


def test_the_program_follows_the_profile(tmp_path: Path, projects: Projects) -> None:
    argv = seatbelt.sandboxed(
        ("ls", "-l"), projects, tmp_path / "project", temporary=tmp_path / "own", reachable=None
    )
    assert argv[:2] == ("/usr/bin/sandbox-exec", "-p")
    assert argv[3:] == ("ls", "-l")
