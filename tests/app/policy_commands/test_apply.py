"""A policy from elsewhere takes the place of the one that holds: whole, checked, or not at all."""

from __future__ import annotations

import io
import json
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.app.policy_commands.apply import put_in_place, replace_one_by_one
from appliance.app.policy_files import policy_in
from appliance.config import load
from appliance.errors import ConfigError, PolicyError
from tests.policy import policies_on_disk as disk

Policy = Callable[..., int]
Out = pytest.CaptureFixture[str]
MORE = "p, dev, demo, mcp, github/get_*, allow"


@pytest.fixture
def other(settings: Path) -> Path:
    """Another policy, without the file "gone.csv" and with one line more."""
    other = shutil.copytree(settings.parent / "policies", settings.parent / "other")
    (settings.parent / "policies/gone.csv").write_text("p, dev, demo, tool, TodoWrite, allow\n")
    (other / "more.csv").write_text(f"{MORE}\n")
    return other


def files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


def test_what_is_there_is_replaced_as_a_whole_and_once(
    settings: Path, other: Path, policy: Policy, capsys: Out
) -> None:
    directory = settings.parent / "policies"
    directory.chmod(0o750)
    assert policy("apply", str(other)) == 0
    said = capsys.readouterr().out
    assert "+ dan in demo: mcp github/get_*: denied → allowed (other/more.csv:1)\n" in said
    assert said.endswith("it holds when dispatchd looks next, or starts\n")
    assert files(directory) == files(other)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o640}
    assert not list(settings.parent.glob(".*"))
    assert policy("apply", str(other)) == 0
    assert capsys.readouterr().out == "nothing to change\n"


def test_a_broken_policy_changes_nothing_and_says_where_it_is_broken(
    settings: Path, other: Path, policy: Policy, capsys: Out
) -> None:
    before = files(settings.parent / "policies")
    (other / "more.csv").write_text(f"{MORE}\np, dev, demo, bahs, ls, allow\n")
    assert policy("apply", str(other)) == 2
    assert "other/more.csv:2:" in capsys.readouterr().out
    assert policy("apply", str(other), "--json") == 2
    answer = json.loads(capsys.readouterr().out)
    assert not answer["ok"]
    assert answer["mistakes"][0].startswith("other/more.csv:2:")
    assert files(settings.parent / "policies") == before


def test_a_dry_run_says_the_same_and_changes_nothing(
    settings: Path, other: Path, policy: Policy, capsys: Out
) -> None:
    before = files(settings.parent / "policies")
    assert policy("apply", str(other), "--dry-run", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["changed"], answer["outcome"]) == (True, "")
    assert len(answer["differences"]) == 8  # four who develop: one thing more, one less
    assert policy("apply", str(other), "--dry-run") == 0
    assert "it would take the place of the policy that holds\n" in capsys.readouterr().out
    assert files(settings.parent / "policies") == before


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_it_comes_by_the_standard_input(
    settings: Path, other: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    given(monkeypatch, json.dumps(files(other)))
    assert policy("apply", "-") == 0
    assert files(settings.parent / "policies") == files(other)
    given(monkeypatch, json.dumps(files(other) | {"more.csv": "p, dev\n"}))
    assert policy("apply", "-", "--json") == 2
    assert "policies/more.csv:1:" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", '{"a.csv": 1}', '{"../a.csv": ""}', '{".a.csv": ""}'])
def test_an_input_that_is_no_policy_is_refused(
    text: str, settings: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    given(monkeypatch, text)
    assert policy("apply", "-") == 1
    assert " is no " in capsys.readouterr().err


def test_one_that_is_there_and_cannot_be_used_is_replaced(
    settings: Path, other: Path, policy: Policy, capsys: Out
) -> None:
    (settings.parent / "policies/rules.csv").write_text("nonsense\n")
    assert policy("apply", str(other), "--json") == 0
    assert json.loads(capsys.readouterr().out)["changed"]
    shutil.rmtree(settings.parent / "policies")
    assert policy("apply", str(other)) == 0
    assert files(settings.parent / "policies") == files(other)


def test_what_is_written_while_it_is_copied_is_not_taken(settings: Path, other: Path) -> None:
    before = files(settings.parent / "policies")
    found = load(settings)
    checked = policy_in(other, found)
    (other / "more.csv").write_text("p, dev, demo, mcp, github/delete_*, allow\n")
    with pytest.raises(ConfigError, match="was written to meanwhile"):
        put_in_place(other, settings.parent / "policies", checked, found)
    assert files(settings.parent / "policies") == before


def test_where_directories_cannot_change_places_no_half_of_it_counts(
    settings: Path, other: Path
) -> None:
    directory, found = settings.parent / "policies", load(settings)
    (directory / "README.md").write_text("gone as well\n")
    fresh = shutil.copytree(other, settings.parent / "fresh")
    (fresh / "rules.csv").rename(settings.parent / "rules.csv")
    (fresh / "rules.csv").mkdir()  # it fails in the middle
    with pytest.raises(OSError, match="rules"):
        replace_one_by_one(fresh, directory)
    with pytest.raises(PolicyError, match=r"unfinished.csv:1:\d+: the last line does not end"):
        policy_in(directory, found)
    shutil.rmtree(fresh)
    shutil.copytree(other, fresh)
    replace_one_by_one(fresh, directory)
    assert files(directory) == files(other)
    assert policy_in(directory, found).sha256 == policy_in(other, found).sha256


def test_where_it_cannot_be_written_it_is_one_sentence(settings: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    disk.write(source, "p, *, demo, read, **, allow")
    found = load(settings)
    with pytest.raises(ConfigError, match="cannot replace"):
        put_in_place(source, tmp_path / "no/where", policy_in(source, found), found)
