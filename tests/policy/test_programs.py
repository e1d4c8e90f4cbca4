"""Reviewed options pass and name their files; everything else is refused by name."""

from __future__ import annotations

import pytest

from appliance.core.model import Act
from appliance.policy.atoms import Unclear
from appliance.policy.profiles import PROFILES
from appliance.policy.programs import files_named


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("ls -la src", ["src"]),
        ("cat -- x -", ["x"]),
        ("head -20 a", ["a"]),
        ("head -n 20 a b", ["a", "b"]),
        ("tail -n5 a", ["a"]),
        ("grep -rn foo src", ["src"]),
        ("grep -A 3 foo a", ["a"]),
        ("grep -e foo a", ["a"]),
        ("grep -ee a", ["a"]),
        ("grep --include x foo a", ["x", "a"]),
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
    assert [file.path for file in files_named(line.split())] == files


@pytest.mark.parametrize(
    ("line", "read", "written"),
    [
        ("mkdir -p a b", [], ["a", "b"]),
        ("touch a", [], ["a"]),
        ("tee -a a", [], ["a"]),
        ("od -w a", ["a"], []),
        ("diff --context a b", ["a", "b"], []),
        ("cp -r x/a y", ["x/a"], ["y", "y/a"]),
        ("mv a b/", ["a"], ["b/", "a", "b/a"]),
        ("find . -newer a -name b", ["a", "."], []),
        ("sort -u a", ["a"], []),
        ("sort - a", ["a"], []),
        ("awk {print} a b", ["a", "b"], []),
        ("sed -n -e 1p -e 2p a", ["a"], []),
        ("sed -n 1,5p a", ["a"], []),
        ("jq .x a", ["a"], []),
        ("jq --arg x /y .x a", ["a"], []),
        ("npm run lint -- --fix src", ["src"], []),
        ("git commit -am x", [], []),
        ("git commit -F x", ["x"], []),
        ("git commit -F -", [], []),
        ("sed -i p a", ["a"], ["a"]),
        ("sed -ni p a b", ["a", "b"], ["a", "b"]),
        ("sed -i -e p a", ["a"], ["a"]),
        ("ruff check --fix a", ["a"], ["a"]),
        ("chmod +x a b", [], ["a", "b"]),
        ("chmod 644 a", [], ["a"]),
        ("tar tzf a", ["a"], []),
        ("tar -tf a b", ["a"], []),
        ("rg --files a", ["a"], []),
        ("go test -run=x -count 1 ./...", ["./..."], []),
        ("git mv a b", ["a"], ["b", "a", "b/a"]),
        ("git stash show -p", [], []),
        ("git branch --list x*", [], []),
        ("npm test -- --watch=false -t x", ["x"], []),
        ("printf %s-%d\\n x 5", [], []),
        ("git add -A", [], []),
        ("uniq -c a", ["a"], []),
    ],
)
def test_what_is_read_and_what_is_written_are_told_apart(
    line: str, read: list[str], written: list[str]
) -> None:
    files = files_named(line.split())
    assert [file.path for file in files if file.act is Act.READ] == read
    assert [file.path for file in files if file.act is Act.WRITE] == written


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
        "rg -uu x", "git log --show-signature",
        "rg -f list", "ls --hyperlink", "tail -f x", "wc --files0-from=x",
        "pytest -p x", "pytest -c x", "pytest --rootdir=x", "pytest -o a=b", "pytest @args",
        "make SHELL=x test", "make -f x", "make -j SHELL=x", "make -C /", "make --eval=x",
        "npm exec x", "npm run x -- --y=z", "npm test --script-shell=x", "npm install",
        "sort -o x", "sort -uo x", "sort --out=x", "sort -T / x", "sort --files0-from=x",
        "uniq a b", "cut --files0-from=x", "sed -i.bak p x", "sed -ie p x", "sed --in-pl p x",
        "sed --in-place=../x p a", "chmod 4755 x", "chmod u+s x", "chmod --reference=a b",
        "printf %n PATH", "printf xx%5$n PATH", "printf %*n 1 PATH", "printf %d PATH=5",
        "cat -- -x", "find -- . -delete", "pytest -k @x", "pytest -r @x", "mypy @x",
        "printf -vPATH x", "date 0101", "strings @x", "git log --format=%G?", "npm run env",
        "git show HEAD -- :(icase).ENV", "git config edit", "git config a.b c", "git tag -l -d x",
        "git switch -c -f", "git checkout x", "git fetch ./x", "pytest --cov-report xml:x",
        "npm test -- --config=x", "tar tfI a b", "tar -tf host:a", "tar xf a",
        "curl -d @x https://a.org", "curl -w %output{x} https://a.org", "curl https://a.org/{b,c}",
        "ruff check --config=x", "npx evil", "docker run x", "go test -exec=x",
        "sed -f x", "sed -n 1e x", "sed w.x a", "awk -f x", "awk -i inplace x", "awk -l x",
        "awk BEGIN{system(x)}", "jq -f x", "jq -L x", "jq --arg a b env", "jq env",
        "jq .a --rawfile x y", "man -P x y",
        "man ./x", "git commit", "git commit -S -m x", "git add -f x",
        "git tag x", "git fetch x", "git commit --fixup=x", "cp -r a/. b", "cp -a a b", "cp -l a b",
        "cp -s a b", "cp -t a b", "mv .. b", "cp a", "ln -s a b", "rm -rf x",
        "tee --output-error x",
        "printf -v x y", "date -s x", "date -f x", "npm run x -- --config=/x", "tree -o x",
        "file -f x", "file -m x", "diff --from-file=x y", "xxd a b",
        "tar -xf x", "python x.py", "sh -c x", "./ls",
        "/bin/ls x", "xargs rm", "pwd x",
    ],
)  # fmt: skip
def test_what_can_run_or_write_something_is_not_reviewed(line: str) -> None:
    with pytest.raises(Unclear):
        files_named(line.split())


def test_no_interpreter_has_a_profile() -> None:
    assert {"sh", "bash", "zsh", "perl", "ruby", "php", "gawk"}.isdisjoint(PROFILES)


@pytest.mark.parametrize(
    "words", ["python", "python -V -", "python -c x", "python -v", "node -e x"]
)
def test_an_interpreter_may_only_tell_its_version(words: str) -> None:
    with pytest.raises(Unclear):
        files_named(words.split())
