"""Reading TOML by rows: values, defaults, and the place of every mistake."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core import toml
from appliance.core.toml import choice, flag, many, row, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    name: str = row(text(), "a name")
    size: int = row(whole(1, 9), "a size", default=3)
    shape: str = row(choice(("round", "square")), "a shape", default="round")
    is_red: bool = row(flag(), "red or not", default=False)
    tags: tuple[str, ...] = row(many(text()), "words", default=())


def _read(content: str) -> tuple[_Rows, list[str]]:
    mistakes: list[str] = []
    document = toml.parse("f.toml", content, mistakes)
    return toml.read(_Rows, document, (), document.values, mistakes), mistakes


def test_rows_fill_a_dataclass_and_defaults_stand_in() -> None:
    rows, mistakes = _read('name = "x"\nsize = 9\ntags = ["a", "b"]')
    assert mistakes == []
    assert rows == _Rows(name="x", size=9, tags=("a", "b"))


def test_all_mistakes_are_told_at_once_with_their_places() -> None:
    _, mistakes = _read('sise = 1\nsize = 10\nis_red = 1\n\n  shape = "oval"\ntags = ["a", 1]')
    assert sorted(mistakes) == [
        'f.toml:1:1: the file needs "name": a text in quotes',
        'f.toml:1:1: unknown key "sise" in the file, did you mean "size"?',
        'f.toml:2:1: "size" in the file must be a whole number from 1 to 9',
        'f.toml:3:1: "is_red" in the file must be true or false',
        'f.toml:5:3: "shape" in the file must be "round" or "square"',
        'f.toml:6:1: "tags" in the file must be a list in [ ], each a text in quotes',
    ]


def test_true_is_no_number() -> None:
    assert _read('name = "x"\nsize = true')[1]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("a = 1\nb = \n", "2:5"),
        ("a = 1\na = 2", "2:6"),
        ('a = "x', "1:7"),
        ("\n\n[x", "3:3"),
        ("a = [\n", "2:1"),
    ],
)
def test_syntax_errors_carry_their_place(content: str, place: str) -> None:
    mistakes: list[str] = []
    assert toml.parse("f.toml", content, mistakes).values == {}
    assert mistakes[0].startswith(f"f.toml:{place}: ")


def test_brackets_without_end_are_no_crash() -> None:
    mistakes: list[str] = []
    toml.parse("f.toml", "a = " + "[" * 50_000, mistakes)
    assert len(mistakes) == 1


def test_places_are_found_through_every_way_to_write_a_key() -> None:
    content = """# comment with a = 1
top = 1
"quoted key" = '''
not = "a key"
''' # comment
[table] # [other]
dotted.key = [
  "a", # b = 2
  { inner = 1 },
]
'literal'.x = \"\"\"
[fake]
\"\"\"
[[list]]
a = 1
[[list]]
a = { b = 2, c.d = 3 }
[list.sub]
e = 1979-05-27 07:32:00
"""
    places = toml.parse("f", content, []).places
    assert places["top",] == (2, 1)
    assert places["quoted key",] == (3, 1)
    assert places["table",] == (6, 2)
    assert places["table", "dotted", "key"] == (7, 1)
    assert places["table", "dotted", "key", 1, "inner"] == (9, 5)
    assert places["table", "literal", "x"] == (11, 1)
    assert places["list", 0, "a"] == (15, 1)
    assert places["list", 1, "a", "c", "d"] == (17, 14)
    assert places["list", 1, "sub", "e"] == (19, 1)


_KEY = st.text("abcxyz-_.\"' é", min_size=1, max_size=5)
_VALUE = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(['"a # b"', "'[x]'", '"""\nk = 1\n"""', "'''\n\n'''", "true", "1.5"]),
    st.just('[1, # c\n "]", [2]]'),
    st.just("{ a = 1, b.c = '}' }"),
)


def _quote(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.tuples(_KEY, _VALUE, st.integers(0, 2)), unique_by=lambda t: t[0], max_size=8))
def test_every_key_is_found_where_it_was_written(
    entries: list[tuple[str, str, int]],
) -> None:
    content, expected = "", {}
    for key, value, gap in entries:
        content += "\n" * gap + " " * gap
        expected[key,] = (content.count("\n") + 1, gap + 1)
        content += f"{_quote(key)} = {value}\n"
    assert tomllib.loads(content).keys() == {key for (key,) in expected}
    places = toml.parse("f", content, []).places
    assert {path: place for path, place in places.items() if len(path) == 1} == expected
