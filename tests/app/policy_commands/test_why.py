"""`policy why`: verdict, rule, the sub-command that decided, and a line that would allow it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Policy = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tool", "Bash", "git status"], "ALLOW by policies/rules.csv:8\n"),
        (
            ["--tool", "Bash", "git status && git push"],
            "APPROVE by policies/rules.csv:9, because of: git push\n"
            "  to be approved within 10 min by 2 different people of: lead (not by whoever\n",
        ),
        (["--tool", "Bash", "git push --force"], "DENY by policies/rules.csv:10\n"),
        (["--tool", "Bash", "make test"], "not now: policies/rules.csv:11: p, dev, demo, bash"),
        (["--tool", "Bash", "make test", "--via", "web"], "ALLOW by policies/rules.csv:11\n"),
        (["--tool", "Bash", "curl x"], "add this line:\n  p, dev, demo, bash, curl x, allow\n"),
        (["--tool", "Bash", "npm test"], "  p, dev, demo, bash, npm test, allow\n"),
        (["--tool", "Read", "/etc/passwd"], "outside the project"),
        (["--tool", "Read", '{"file_path": "a"}'], "ALLOW by policies/rules.csv:13"),
        (["--tool", "Edit", "a"], "DENY\n"),
        (["--tool", "mcp__a__b", "{}"], "p, dev, demo, mcp, a/b, allow"),
        (["--tool", "TodoWrite", ""], "p, dev, demo, tool, TodoWrite, allow"),
        (["--chat", "/git log"], "ALLOW by policies/rules.csv:7"),
        (["--chat", "/deploy prod"], "p, dev, demo, chat, /deploy prod, allow"),
        (["--admin", "pair telegram"], "p, dev, *, admin, pair telegram, allow"),
    ],
)
def test_verdict_rule_and_advice_are_told(
    policy: Policy, capsys: Captured, words: list[str], said: str
) -> None:
    assert policy("why", "--as", "dan", *words) == 0
    assert said in capsys.readouterr().out


def test_the_answer_fits_a_terminal_of_80_columns(policy: Policy, capsys: Captured) -> None:
    line = "git push origin " + "a-long-branch-name " * 12
    assert policy("why", "--as", "dan", "--tool", "Bash", f"{line} && git push --force") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("  p, "))


def test_as_json_it_has_all_of_it(policy: Policy, capsys: Captured) -> None:
    words = ("why", "--as", "dan", "--tool", "Bash", "git status && git push && curl x", "--json")
    assert policy(*words) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["rule"]) == ("deny", None)
    assert found["decided"] == {"act": "bash", "text": "curl x"}
    assert [part["verdict"] for part in found["parts"]] == ["allow", "approve", "deny"]
    assert found["parts"][1]["rules"][0]["at"] == "policies/rules.csv:9"
    assert found["parts"][2]["line"] == "p, dev, demo, bash, curl x, allow"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--as", "dan", "--project", "none", "--tool", "Bash", "ls"],
            "--project with one of demo",
        ),
        (["--as", "dan", "--tool", "Edit", "{a"], "is no JSON"),
        (["--as", "dan", "--tool", "Bash", "ls", "--via", "fax"], "--via is one of: telegram"),
        (["--tool", "Bash", "ls"], "--as USER"),
    ],
)
def test_a_wrong_question_is_one_sentence(
    policy: Policy, capsys: Captured, words: list[str], said: str
) -> None:
    assert policy("why", *words) == 1
    assert said in capsys.readouterr().err


def test_another_directory_can_be_asked(
    policy: Policy, settings: Path, tmp_path: Path, capsys: Captured
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in (tmp_path / "policies").iterdir():
        (other / file.name).write_text(file.read_text())
    (other / "rules.csv").write_text("g, dan, dev\np, dev, *, bash, **,         deny\n")
    assert policy("why", "--as", "dan", "--policy", str(other), "--tool", "Bash", "ls") == 0
    said = capsys.readouterr().out
    assert "DENY by other/rules.csv:2" in said
    assert "other/rules.csv:2: p, dev, *, bash, **, deny\n" in said
