"""Reviewed options pass and name their files; everything else is refused by name."""

from __future__ import annotations

import pytest

from appliance.policy.atoms import Unclear
from appliance.policy.programs import PROFILES, files_named


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("ls -la src", ["src"]),
        ("cat -- -x", ["-x"]),
        ("head -20 a", ["a"]),
        ("head -n 20 a b", ["a", "b"]),
        ("tail -n5 a", ["a"]),
        ("grep -rn foo src", ["src"]),
        ("grep -A 3 foo a", ["a"]),
        ("grep -e foo a", ["a"]),
        ("grep -ee a", ["a"]),
        ("grep --include x foo a", ["a"]),
        ("rg -tpy foo src", ["src"]),
        ("find src -name x -type f", ["src"]),
        ("git status --short", []),
        ("git log --oneline -5", []),
        ("git log -n 5 main", ["main", "main"]),
        ("git show HEAD:src/a", ["HEAD:src/a", "HEAD", "src/a"]),
        ("git stash list", []),
        ("pytest -q tests/a.py::test_b -k x", ["tests/a.py"]),
        ("make -s test", []),
        ("npm run lint:fix", []),
        ("echo --anything -x /etc/passwd", []),
        ("pwd", []),
    ],
)
def test_reviewed_options_pass_and_files_are_named(line: str, files: list[str]) -> None:
    assert list(files_named(line.split())) == files


@pytest.mark.parametrize(
    "line",
    [
        "git -c core.pager=x log", "git --exec-path=x log", "git -C / log", "git --no-pager push",
        "git log --output=x", "git log --outp=x", "git log -Ox", "git diff --ext-diff",
        "git diff --no-index a b", "git show --textconv x", "git grep -O x", "git push",
        "git branch new", "git branch -D main", "git branch --edit-description",
        "git remote add a b", "git stash", "git stash pop", "git fetch --upload-pack=x",
        "git config x y",
        "git rev-parse --parseopt", "git ls-files --with-tree=x",
        "find . -exec rm x", "find . -delete", "find . -fprint x", "find . -ok x", "find -L x",
        "find . -execdir x", "find . -files0-from x",
        "grep -f list x", "grep -R x .", "rg --pre x y", "rg -z x", "rg -L x", "rg --hidden x",
        "rg -uu x", "rg -g .env x", "git log --show-signature",
        "rg -f list", "ls --hyperlink", "tail -f x", "wc --files0-from=x",
        "pytest -p x", "pytest -c x", "pytest --rootdir=x", "pytest -o a=b", "pytest @args",
        "make SHELL=x test", "make -f x", "make -j SHELL=x", "make -C /", "make --eval=x",
        "npm exec x", "npm run x -- --y", "npm test --script-shell=x", "npm install",
        "sort -o x", "tar -xf x", "sed -n p x", "awk x", "python x.py", "sh -c x", "./ls",
        "/bin/ls x", "xargs rm", "pwd x", "curl x",
    ],
)  # fmt: skip
def test_what_can_run_or_write_something_is_not_reviewed(line: str) -> None:
    with pytest.raises(Unclear):
        files_named(line.split())


def test_no_interpreter_has_a_profile() -> None:
    interpreters = {"sh", "bash", "zsh", "python", "python3", "node", "perl", "ruby", "awk", "sed"}
    assert interpreters.isdisjoint(PROFILES)
