"""A long answer in two parts, of which nothing is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.shortened import LINES_AT_ONCE, ShowRest, pressed, read, shortened

LINES = [
    "word " * 20,
    "",
    "# Title",
    "```py",
    "```",
    "~~~",
    "| a | b |",
    "- item",
    "x = 1",
    "    y",
]


def paragraphs(count: int) -> str:
    return "\n\n".join(f"Paragraph {number}. " + "word " * 20 for number in range(count))


def test_what_a_phone_shows_at_once_is_whole() -> None:
    assert shortened(paragraphs(3)) is None
    assert shortened("\n".join("line" for _ in range(20))) is None


def test_the_beginning_ends_between_paragraphs() -> None:
    parts = shortened(paragraphs(10))
    assert parts is not None
    assert parts.beginning.count("\n\n") == 2
    assert parts.rest.startswith("Paragraph 3.")
    assert not parts.cuts_code


def test_a_heading_goes_with_what_stands_below_it() -> None:
    text = "\n".join(["intro", *["line"] * 9, "", "# Title", "", "body " * 60, "", "more " * 60])
    parts = shortened(text)
    assert parts is not None
    assert parts.rest.startswith("# Title")


def test_code_that_is_cut_is_code_in_both_parts() -> None:
    code = "\n".join(f"x = {number}" for number in range(40))
    parts = shortened(f"```py\n{code}\n```\nend")
    assert parts is not None
    assert parts.cuts_code
    assert parts.beginning.endswith("\n```")
    assert parts.rest.startswith("```py\n")


def test_a_paragraph_without_end_is_cut_between_words() -> None:
    parts = shortened("word " * 500)
    assert parts is not None
    assert parts.beginning.endswith("word")
    assert parts.rest.startswith("word")


@given(st.lists(st.sampled_from(LINES), max_size=60))
def test_no_word_is_lost_and_the_beginning_fits(lines: list[str]) -> None:
    text = "\n".join(lines)
    parts = shortened(text)
    if parts is None:
        return
    both = f"{parts.beginning}\n{parts.rest}"
    if parts.cuts_code:  # closed and opened again
        assert len(both) > len(text.rstrip())
    else:
        assert words(both) == words(text)
    assert parts.beginning.count("\n") <= LINES_AT_ONCE + 1
    assert parts.rest.strip()


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


def test_its_button_names_a_number() -> None:
    assert pressed("more:12") == ShowRest(12)
    assert pressed("more:x") is None
    assert pressed("s:12") is None
    assert read("0") is None
