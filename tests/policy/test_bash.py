"""A line becomes the programs it runs, the files they name and the directories it goes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.policy import bash
from appliance.policy.atoms import Unclear
from appliance.policy.paths import Guard, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root = (tmp_path / "demo").resolve()
    (root / "src").mkdir(parents=True)
    for name in ("README.md", ".env", "src/a.py", "src/b.py"):
        (root / name).touch()
    (root / "src/out").symlink_to("/etc")
    return Place(str(root), str(root), Guard(()))


def _said(line: str, place: Place) -> list[str]:
    return [
        f"{atom.act} {atom.object} {atom.care} {atom.directory}".replace(place.root, "ROOT").strip()
        for atom in bash.atoms(line, place)
    ]


@pytest.mark.parametrize(
    ("line", "atoms"),
    [
        ("git status", ["bash git status plain"]),
        ("pytest -q | tail -5", ["bash pytest -q plain", "bash tail -5 plain"]),
        ("cd src && cat a.py", ["read ROOT/src plain ROOT/src", "read ROOT/src plain ROOT/src",
            "bash cat a.py plain ROOT/src", "read ROOT/src/a.py plain ROOT/src"]),
        ("cd .", ["read ROOT plain"]),
        ("set -euo pipefail; pwd", ["bash pwd plain"]),
        ("echo x > src/c 2>&1 < README.md", ["bash echo x plain", "write ROOT/src/c plain",
            "read ROOT/README.md plain"]),
        ("ls >/dev/null 2>&1", ["bash ls plain"]),
        ("echo x >> .git/config", ["bash echo x plain", "write ROOT/.git/config protected"]),
        ("(ls) > .bashrc", ["write ROOT/.bashrc protected", "bash ls plain"]),
        ("cat *.md", ["bash cat *.md plain", "read ROOT plain", "read ROOT/README.md plain"]),
        ("cat .e*", ["bash cat .e* plain", "read ROOT protected", "read ROOT/.env protected"]),
        ("cat src/[ab].py", ["bash cat src/[ab].py plain", "read ROOT/src plain",
            "read ROOT/src/a.py plain", "read ROOT/src/b.py plain"]),
        ("grep -r x --include=.env", ["bash grep -r x --include=.env plain",
            "read ROOT/.env protected"]),
        ("sudo ls", ["bash sudo ls unclear"]),
        ("timeout 5 rm x", ["bash rm x exact"]),
        ("PYTHONPATH=src/out pytest", ["bash pytest plain", "read /etc plain",
            "read ROOT/src/out plain"]),
        ("curl -s https://a.org/x -o src/x", ["bash curl -s https://a.org/x -o src/x plain",
            "write ROOT/src/x plain", "web a.org plain"]),
        ("curl http://localhost:3000", ["bash curl http://localhost:3000 plain",
            "web localhost:3000 exact"]),
        ("curl localhost", ["bash curl localhost exact"]),
        ("for f in src/[ab].py; do cat $f; done", ["bash cat src/[ab].py plain",
            "read ROOT/src plain", "read ROOT/src/a.py plain", "read ROOT/src/b.py plain"]),
        ("echo \"$(cat .env)\"", ["bash cat .env plain", "read ROOT/.env protected",
            "bash echo $(cat\x1f.env) plain"]),
        ("cat \"$(ls)\"", ["bash ls plain", "bash cat $(ls) exact"]),
        ("find src -name '*.py' -print0 | xargs -0 grep -n x", [
            "bash find src -name *.py -print0 plain", "read ROOT/src plain",
            "bash grep -n x {} plain", "read ROOT/src/a.py plain", "read ROOT/src/b.py plain"]),
        ("find . -name a.py -exec touch {} +", ["bash find . -name a.py -exec touch {} + plain",
            "read ROOT plain", "bash touch {} plain", "write ROOT/src/a.py plain"]),
        ("ls | xargs rm", ["bash ls plain", "bash xargs rm exact"]),
        ("cp README.md src", ["bash cp README.md src plain", "write ROOT/src plain",
            "read ROOT/README.md plain", "write ROOT/src/README.md plain"]),
    ],
)  # fmt: skip
def test_a_line_becomes_what_it_asks_for(line: str, atoms: list[str], place: Place) -> None:
    assert _said(line, place) == atoms


def test_a_glob_is_judged_by_what_it_fits_through_links_too(place: Place) -> None:
    assert "read /etc/passwd plain" in _said("cat src/*/passwd", place)


def test_a_directory_is_compared_with_all_that_is_in_it_through_links_too(place: Place) -> None:
    assert {"read ROOT/src/a.py plain", "read /etc plain"} <= set(
        _said("diff README.md src", place)
    )
    assert _said("diff src/* README.md", place)[-1].endswith("exact")


def test_a_glob_that_fits_too_much_needs_an_exact_rule(place: Place) -> None:
    for number in range(bash.MAX_MATCHES + 1):
        (Path(place.root) / f"src/{number}.txt").touch()
    assert _said("cat src/*.txt", place) == ["bash cat src/*.txt exact"]


def test_git_in_files_that_look_like_a_repository_needs_an_exact_rule(place: Place) -> None:
    odd = Path(place.root) / "src/odd/x"
    odd.mkdir(parents=True)
    for name in ("HEAD", "objects", "refs"):
        (odd.parent / name).touch()
    assert _said("cd src/odd/x && git status", place)[-1] == "bash git status exact ROOT/src/odd/x"
    assert _said("git -C src status", place)[-1] == "bash git status plain ROOT/src"


def test_a_line_that_is_not_understood_runs_as_it_was_shown(place: Place) -> None:
    assert bash.as_run("ls $X") == "ls $X"
    assert bash.as_run("cd src && ls *.py") == "cd ./src && ls ./*.py"
    with pytest.raises(Unclear):
        bash.atoms("ls $X", place)
