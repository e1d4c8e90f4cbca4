"""What find finds is judged before it is found: never fewer files than a program will get."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.policy import found
from appliance.policy.atoms import Unclear


@pytest.fixture
def tree(tmp_path: Path) -> str:
    for name in ("a.py", "src/b.py", "src/c.PY", "src/.d.py", "src/e.ts", "node_modules/f.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "src/link.py").symlink_to("/etc/passwd")
    (tmp_path / "src/out").symlink_to("/etc")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("find . -name a.py", ["./a.py"]),
        ("find src -name *.py", ["src/b.py", "src/c.PY", "src/.d.py", "src/link.py"]),
        ("find src/ -name *.ts", ["src/e.ts"]),
        ("find -name e.* -type f", ["./src/e.ts"]),
        ("find . ( -name a.* -o -iname E.TS ) -maxdepth 1", ["./a.py", "./src/e.ts"]),
        ("find . -name *.py -not -path ./node_modules/* ! -path ./src/*", ["./a.py"]),
        ("find src node_modules -name f.py", ["node_modules/f.py"]),
        ("find . -not ( -name e.ts -o -name a.py ) -name a.py", ["./a.py"]),
        ("find . -printable -name e.ts", ["./src/e.ts"]),
    ],
)
def test_names_are_found_as_find_writes_them(expression: str, names: list[str], tree: str) -> None:
    assert sorted(found.names(expression.split(), tree)) == sorted(names)


_tests = st.sampled_from([
    "-name *.py", "-iname *.PY", "-name ?.py", "-name [a-c].*", "-type f", "-type d", "-not",
    "-path ./src/*", "-not -path ./src/*", "! -name a.py", "-maxdepth 1", "-o", "-mtime -1",
    "( -name a.py -o -name e.ts )", "( -name a.py -o -type d )", "( -name a.py -type f )", "-empty",
    "! ( -name a.py -o -name b.py )", "-regex .*ts", "-links 1",
])  # fmt: skip


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_tests, max_size=4))
def test_the_real_find_never_finds_more(tree: str, tests: list[str]) -> None:
    words = ["find", ".", *" ".join(tests).split()]
    ran = subprocess.run([*words, "-print0"], cwd=tree, capture_output=True, text=True, check=False)
    if ran.returncode == 0 and "-o" not in tests:  # `a -o b -print0` prints b only
        assert set(ran.stdout.split("\0")[:-1]) <= set(found.names(words, tree))


@pytest.mark.parametrize(
    ("words", "fed_by", "runs"),
    [
        ("xargs grep x", "find .", "grep x {}"),
        ("xargs -0 -r -n 5 grep x", "find . -print0", "grep x {}"),
        ("xargs -I {} cat {}", "find . -print", "cat {}"),
        ("xargs -P4 -I{} echo a {} b", "find .", "echo a {} b"),
        ("find . -exec cat {} ;", "", "cat {}"),
        ("find . -name a -exec grep x {} +", "ls", "grep x {}"),
    ],
)
def test_a_plain_program_is_seen_with_the_names(words: str, fed_by: str, runs: str) -> None:
    run = found.run_by(words.split(), fed_by.split())
    assert " ".join(run.words) == runs
    assert run.finding[0] == "find"


@pytest.mark.parametrize(
    ("words", "fed_by"),
    [
        ("xargs cat", ""), ("xargs cat", "ls"), ("xargs -0 cat", "find ."),
        ("xargs cat", "find . -print0"), ("xargs", "find ."), ("xargs -a list cat", "find ."),
        ("xargs -d x cat", "find ."), ("xargs -E x cat", "find ."), ("xargs cat", "find . -ls"),
        ("xargs -I % cat %", "find ."), ("xargs -I{} cat x{}", "find ."),
        ("xargs -I{} {}", "find ."),
        ("xargs cat", "find . -printf x"), ("xargs cat", "find . -prune -o -print"),
        ("find . -exec cat ;", ""), ("find . -exec cat {} ; -delete", ""),
        ("find . -exec {} ;", ""), ("find . -exec cat {}.x ;", ""),
        ("find . -exec cat {} {} ;", ""),
        ("find . -print -exec cat {} ;", ""),
    ],
)  # fmt: skip
def test_what_is_not_a_plain_search_for_a_plain_program_is_unclear(words: str, fed_by: str) -> None:
    with pytest.raises(Unclear):
        found.run_by(words.split(), fed_by.split())


@pytest.mark.parametrize("name", ["a b", "a\nb", "a'b", 'a"b', "a\\b"])
def test_a_name_that_xargs_could_cut_apart_is_unclear(name: str, tree: str) -> None:
    (Path(tree) / name).touch()
    with pytest.raises(Unclear, match="cut apart"):
        list(found.names(["find", "."], tree))


def test_a_search_for_protected_files_is_unclear_even_where_there_are_none(tree: str) -> None:
    with pytest.raises(Unclear, match="a search for protected files"):
        list(found.names(["find", ".", "-name", "*.pem"], tree))


def test_too_many_files_are_unclear(tree: str) -> None:
    for number in range(found.MAX_FOUND + 1):
        (Path(tree) / f"{number}.txt").touch()
    with pytest.raises(Unclear, match="more than"):
        list(found.names(["find", ".", "-name", "*.txt"], tree))
