"""Man pages tell of everything there is, and can be shown."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from appliance.config import NAMED_SECTIONS, SECTIONS
from appliance.core.toml import rows_of

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "packaging/man/pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = load()
NAMES = [path.name for path in pages.templates()]
PROGRAMS = {name: path for name in pages.PARSERS for path in pages.HERE.glob(f"{name}.[18]")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("man")
    assert pages.main([str(directory)]) == 0
    return directory


def test_every_program_has_a_page() -> None:
    assert PROGRAMS.keys() == pages.PARSERS.keys()
    assert "dispatch.toml.5" in NAMES


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_tells_of_every_command_and_of_no_other(program: str) -> None:
    told = pages.marks(PROGRAMS[program].read_text(), "options")
    assert told == set(pages.commands(program)), f"write a section in {PROGRAMS[program].name}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_tells_of_every_option(program: str, built: Path) -> None:
    page = (built / PROGRAMS[program].name).read_text().replace("\\-", "-")
    for parser in pages.commands(program).values():
        for option in parser._option_string_actions.keys() - {"-h", "--help"}:
            assert f"Fl {option[1:]}" in page, option


def test_the_page_of_the_settings_tells_of_every_section_and_key(built: Path) -> None:
    sections = {**SECTIONS, **NAMED_SECTIONS}
    assert pages.marks((pages.HERE / "dispatch.toml.5").read_text(), "settings") == set(sections)
    page = (built / "dispatch.toml.5").read_text()
    for rows in sections.values():
        for field in rows_of(rows):
            assert f".It Ic {field.name}\n" in page


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_sections_people_look_for(name: str) -> None:
    found = set(re.findall(r"^\.Sh (.+)$", (pages.HERE / name).read_text(), re.MULTILINE))
    assert {"NAME", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "SECURITY"} <= found


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_shown_without_a_warning(name: str, built: Path) -> None:
    commands = [
        ["mandoc", "-Tlint", "-Wwarning", name],
        ["groff", "-mandoc", "-Tutf8", "-Kutf8", "-ww", "-z", name],
    ]
    usable = [command for command in commands if shutil.which(command[0])]
    if not usable:
        assert os.getenv("CI") != "true", "CI installs mandoc"
        pytest.skip("SKIPPED: neither mandoc nor groff is on this machine")
    for command in usable:
        shown = subprocess.run(command, cwd=built, capture_output=True, text=True)
        assert (shown.stdout, shown.stderr) == ("", ""), command[0]


def test_no_line_of_a_page_is_taken_for_a_request() -> None:
    assert pages._text(".hidden \\ …") == r"\&.hidden \e ..."
    assert pages._text("'quoted'") == r"\&'quoted'"


def test_a_mark_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        pages.page('.\\" @options dispatchctl dance')


def test_the_script_writes_where_it_is_told(tmp_path: Path) -> None:
    script = str(ROOT / "packaging/man/pages.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
