"""A project's section comes into dispatch.toml and out of it; every other byte stays."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.app.project_section import path_in, with_project, without_project
from appliance.errors import ConfigError

FILE = "dispatch.toml"
TEXT = """# ours
[users.me]
web = true

# the shop
[projects.web]
path = "/srv/web"  # old place
limits = [
    "a",  # one
    "b",
]

# the tools, which nobody uses
[projects.tools]
path = '/srv/tools'
# the end
"""


def test_a_section_is_added_at_the_end() -> None:
    assert with_project(TEXT, "new", "/srv/new") == TEXT + '\n[projects.new]\npath = "/srv/new"\n'
    assert with_project("a = 1", "new", "/x") == 'a = 1\n\n[projects.new]\npath = "/x"\n'


def test_only_the_lines_of_a_section_are_removed() -> None:
    before, _, rest = TEXT.partition("[projects.web]\n")
    _, _, after = rest.partition("]\n")
    assert without_project(FILE, TEXT, "web") == before + after
    assert without_project(FILE, TEXT, "tools") == TEXT.replace(
        "[projects.tools]\npath = '/srv/tools'\n", ""
    )


def test_a_section_by_dotted_keys_is_removed_too() -> None:
    text = "[projects]\nweb.path = '/srv/web'\ntools.path = '/srv/tools'\n"
    assert without_project(FILE, text, "web") == "[projects]\ntools.path = '/srv/tools'\n"


def test_sections_that_share_a_line_are_left_to_people() -> None:
    text = "projects = { web = { path = '/srv/web' }, tools = { path = '/srv/tools' } }\n"
    with pytest.raises(ConfigError, match="shares its lines") as caught:
        without_project(FILE, text, "web")
    assert caught.value.hint is not None
    assert "by hand" in caught.value.hint
    apart = (
        "[projects.web]\npath = '/srv/web'\n[users.me]\nweb = true\n[projects.web.more]\nx = 1\n"
    )
    with pytest.raises(ConfigError, match="shares its lines"):
        without_project(FILE, apart, "web")


@pytest.mark.parametrize(
    ("text", "path"),
    [(TEXT, "/srv/web"), ("projects = 3", None), ("[projects]\nweb = 3", None), ("", None)],
)
def test_the_path_of_a_project_is_found_where_there_is_one(text: str, path: str | None) -> None:
    assert path_in(FILE, text, "web") == path


def test_a_text_that_is_no_toml_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"dispatch\.toml:1:"):
        path_in(FILE, "[", "web")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_what_was_added_is_read_and_removed_again(path: str) -> None:
    added = with_project(TEXT, "new", f"/{path}")
    assert tomllib.loads(added)["projects"]["new"] == {"path": f"/{path}"}
    assert without_project(FILE, added, "new").rstrip("\n") == TEXT.rstrip("\n")
