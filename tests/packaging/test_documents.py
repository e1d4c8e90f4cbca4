"""What documents tell people to type exists, and says what they print."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import dispatchctl
from appliance.core.model import Act, ParameterKind
from appliance.policy.fields import SHAPES
from appliance.policy.lint.findings import Kind
from appliance.policy.rules import Effect
from tests.packaging.programs import program

ROOT = Path(__file__).parents[2]
MAN = ROOT / "packaging/man"
GUIDES = sorted((ROOT / "packaging/guides").glob("*.md"))
PAGES = sorted(MAN.glob("*.[158]"))
PLACES = ("*.md", ".github/*.md", "ansible/**/*.md", "packaging/**/*.md", "policies/*.md")
DOCUMENTS = sorted(path for place in PLACES for path in ROOT.glob(place))
TEAM = ["olga", "lars", "dana", "deniz", "vera"]

_CODE = re.compile(r"`([^`\n]+)`|^ {4}(.*)$", re.MULTILINE)
_OF_PAGES = re.compile(r"^\.(?:Dl|Ql|Ic|Cm|Dq) (.*)$|^([$#] .*)$", re.MULTILINE)
_CALL = re.compile(r"\bdispatchctl (.*)")
_END = re.compile(r"\s[|;&>#]|[`│]|  +")
_RUN_HERE = re.compile(r"\$ dispatchctl (?:policy|config example)\b")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- what is named


def calls(path: Path) -> Iterator[str]:
    """What stands behind "dispatchctl" wherever a document shows a command."""
    pattern = _CODE if path.suffix == ".md" else _OF_PAGES
    for found in pattern.finditer(path.read_text().replace("\\\n    ", "")):
        if call := _CALL.search(found[1] or found[2]):
            yield _END.split(call[1])[0].strip()


def mistake_in(call: str, parser: argparse.ArgumentParser) -> str:
    """What the program would not know of a call; words that stand for others are let through."""
    words = call.replace("'", "").replace('"', "").split()
    while words and (choices := _commands_below(parser)):
        word = words.pop(0).rstrip(".,:;")
        if word in choices:
            parser = choices[word]
        elif re.fullmatch(r"[a-z][a-z-]*", word):
            return f"no command {word}"
        elif not word.startswith("-"):
            return ""
    options = {word.partition("=")[0].rstrip("].,") for word in words if word.startswith("--")}
    return ", ".join(sorted(options - parser._option_string_actions.keys()))


def _commands_below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


@pytest.mark.parametrize("document", [*DOCUMENTS, *PAGES], ids=ids)
def test_every_command_and_option_in_a_document_exists(document: Path) -> None:
    parser = dispatchctl.build_parser()
    wrong = [f"{call}: {what}" for call in calls(document) if (what := mistake_in(call, parser))]
    assert wrong == []


def test_a_command_that_is_not_there_is_noticed() -> None:
    parser = dispatchctl.build_parser()
    assert mistake_in("policy dance", parser) == "no command dance"
    assert mistake_in("audit verify --pubkeys KEY", parser) == "--pubkeys"
    assert mistake_in("policy check|reload", parser) == ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """Of what nobody makes by building; what a path stands for may be relative to the document."""
    named = re.findall(
        r"`((?:tests|packaging|systemd|policies|appliance)/[\w./-]*)`", document.read_text()
    )
    assert [
        n for n in named if not (ROOT / n).exists() and not (document.parent / n).exists()
    ] == []


# --- what is shown with its output


def sessions(path: Path) -> Iterator[tuple[str, str]]:
    """Commands that need nothing but a policy, with what a document prints below them."""
    command, said = "", list[str]()
    for line in [*_shown(path), "$ "]:
        if not line.startswith(("$ ", "# ")):
            said.append(line)
            continue
        if any(said) and _RUN_HERE.match(command):
            yield command[2:], "\n".join(said).rstrip()
        command, said = line, []


def _shown(path: Path) -> Iterator[str]:
    """The lines of all blocks of code; "$ " where one ends."""
    for line in path.read_text().splitlines():
        if line.startswith("    "):
            yield line[4:]
        elif line:
            yield "$ "
        else:
            yield ""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the policy of the team that the guides tell of."""
    shutil.copytree(ROOT / "policies/examples/team", tmp_path / "policies")
    (tmp_path / "demo").mkdir()
    users = "".join(f"[users.{name}]\ntelegram = [{n}]\n" for n, name in enumerate(TEAM, 1))
    project = f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    daemon = f'[daemon]\npolicies = "{tmp_path}/policies"\n[telegram]\n'
    (tmp_path / "dispatch.toml").write_text(f"{daemon}{users}{project}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.mark.parametrize(
    ("guide", "command", "said"),
    [(guide.stem, *session) for guide in GUIDES for session in sessions(guide)],
)
def test_a_guide_shows_what_is_said(
    guide: str, command: str, said: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(team)
    words = shlex.split(command)[1:]
    dispatchctl.main([*words, "--config", "dispatch.toml"])
    found = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert found.rstrip() == said, guide


def edited(team: Path) -> None:
    """The edit that the guide for team leads makes in a copy, and a slip in another one."""
    rule, test = "p, viewer, *, chat, /test, allow\n", "t, vera, *, chat, /test, allow\n"
    for name, lines in (("new", rule + test), ("slip", rule.replace("allow", "alow"))):
        shutil.copytree(team / "policies", team / name)
        with (team / name / "rules.csv").open("a") as file:
            file.write(lines)


def test_there_are_sessions_to_try() -> None:
    assert sum(1 for guide in GUIDES for _ in sessions(guide)) >= 5


# --- dispatch-policy(5)


def test_the_page_of_the_policy_tells_of_every_word_of_it() -> None:
    page = (MAN / "dispatch-policy.5").read_text()
    items = " ".join(re.findall(r"^\.It (?:Ic )?(.*)$", page, re.MULTILINE)).split()
    kinds = {word for kind in Kind for word in kind.split()}
    options = {"by", "ttl", "job", "fallback", "rate", "hours", "days", "until", "via"}
    assert {*SHAPES, *map(str, Act), *kinds, *options} - set(items) == set()
    effects = {effect for effect in Effect if effect is not Effect.CLOSED}  # no line says that
    for word in {*effects, *ParameterKind}:
        assert re.search(rf"^\.(?:Ic|Cm) .*\b{word}\b", page, re.MULTILINE), word


def test_the_policy_printed_in_its_page_can_be_used(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (MAN / "dispatch-policy.5").read_text()
    lines = [line for line in page.splitlines() if re.match(r"[gpqt], ", line)]
    (team / "policies/roles.csv").unlink()
    (team / "policies/rules.csv").write_text("\n".join([*lines, ""]))
    assert dispatchctl.main(["policy", "check", "--config", "dispatch.toml"]) == 0
    assert capsys.readouterr().out.startswith("ok: ")


# --- pages lead to each other


def test_what_a_page_leads_to_leads_back() -> None:
    names = {page.name for page in PAGES}
    leads = {page.name: _see_also(page) & names for page in PAGES}
    assert [
        f"{target}: nothing leads back to {page}"
        for page, targets in leads.items()
        for target in targets
        if page not in leads[target]
    ] == []
    assert all(leads.values())


def _see_also(page: Path) -> set[str]:
    text = page.read_text().partition(".Sh SEE ALSO\n")[2].partition(".Sh ")[0]
    return {f"{name}.{section}" for name, section in re.findall(r"^\.Xr (\S+) (\d)", text, re.M)}


WORDS = {
    "dispatch-audit": "audit log",
    "dispatch-egress": "network",
    "dispatch-policy": "who may do what",
    "dispatch-task": "sandbox",
    "dispatch.toml": "settings",
    "dispatchctl": "look after",
    "dispatchd": "coding agent",
}


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they are installed, with the index that apropos(1) searches."""
    if shutil.which("makewhatis") is None:
        assert os.getenv("CI") != "true", "CI installs mandoc"
        pytest.skip("SKIPPED: mandoc is not on this machine")
    root = tmp_path_factory.mktemp("root")
    program("install_tree").install_pages(root)
    subprocess.run(["makewhatis", str(root / "usr/share/man")], check=True)
    return root / "usr/share/man"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_apropos_finds_a_page_by_what_it_is_about(page: Path, manual: Path) -> None:
    command = ["mapropos", "-M", str(manual), f"Nd={WORDS[page.stem]}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{page.stem}({page.suffix[1:]}) - " in shown
