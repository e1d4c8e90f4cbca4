"""Lines that are plain commands are cut into words; all others are refused with the reason."""

from __future__ import annotations

import pytest

from appliance.policy import shell
from appliance.policy.atoms import Unclear


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("git status", [("git", "status")]),
        ("  ls\t-l  ", [("ls", "-l")]),
        ("a && b || c; d | e\nf", [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)]),
        ("a &&\n\n b;\n", [("a",), ("b",)]),
        ("echo 'a; b' \"c && d\"", [("echo", "a; b", "c && d")]),
        ("git commit -m 'two\nlines'", [("git", "commit", "-m", "two\nlines")]),
        ("log --format='%h %s' HEAD~1", [("log", "--format=%h %s", "HEAD~1")]),
        ("echo '' \"\"", [("echo", "", "")]),
        ("r''m -rf x", [("rm", "-rf", "x")]),
        ("echo 'café ✓'", [("echo", "café ✓")]),
        ("rg '~/.ssh'", [("rg", "~/.ssh")]),
    ],
)
def test_plain_lines_are_understood(line: str, commands: list[shell.Words]) -> None:
    assert list(shell.commands(line)) == commands


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ls > x", "a redirection at character 4"),
        ("ls 2>&1", "a redirection"),
        ("cat < x", "a redirection"),
        ("echo $HOME", "an expansion"),
        ("echo `id`", "a substitution"),
        ('echo "$x"', "quotes"),
        ('echo "a\\"b"', "quotes"),
        ("ls *.py", "a glob"),
        ("ls a?", "a glob"),
        ("ls [ab]", "a glob"),
        ("(ls)", "a group"),
        ("{ ls; }", "a brace"),
        ("ls {a,b}", "a brace"),
        ("ls # x", "a comment"),
        ("ls & rm x", "a background job"),
        ("! ls", "a negation"),
        ("r\\m x", "a backslash"),
        ("ls \\\n x", "a backslash"),
        ("ls ~", "which the shell expands"),
        ("ls a=~/x", "which the shell expands"),
        ("ls =ls", "which the shell expands"),
        ("echo 'open", "an open quote"),
        ("ls\r", "invisible character (U+000D)"),
        ("ls\u200b", "invisible character (U+200B)"),
        ("ls \u202ex", "invisible character (U+202E)"),
        ("g\u0456t status", "a sign I do not know"),
        ("ls;; rm", "a separator without a command"),
        ("; ls", "a separator without a command"),
        ("ls &&", "without a last command"),
        ("ls &&\n", "without a last command"),
        ("", "without a last command"),
        (" \n", "without a last command"),
        ("a" * 10_001, "a line of 10001 characters"),
    ],
)
def test_what_could_mean_more_is_refused_by_name(line: str, named: str) -> None:
    with pytest.raises(Unclear) as caught:
        shell.commands(line)
    assert named in caught.value.note
    assert caught.value.instead


@pytest.mark.parametrize(
    "words",
    [("if", "x"), ("cd", "/"), ("sudo", "ls"), (".", "x"), ("X=1", "ls"), ("git log",), ("-x",)],
)
def test_words_that_change_the_meaning_of_others_are_unclear(words: shell.Words) -> None:
    assert shell.why_unclear(words) is not None


def test_a_plain_program_is_clear() -> None:
    for program in ("ls", "./deploy", "/usr/bin/env-x", "g++", "python3.11"):
        assert shell.why_unclear((program, "cd")) is None


def test_no_line_takes_long() -> None:
    shell.commands("true;" * 2_000)
