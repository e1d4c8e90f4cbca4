from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.markdown import MAX_RENDERED_CHARACTERS, render
from appliance.core.hidden import readable
from appliance.core.model import Rich, Span, Style

PIECES = [
    *["# ", "- ", "1. ", "> ", "    ", "\n", "\n\n", "```", "~~~\n", "`", "*", "**", "_", "__"],
    *["~~", "[", "](", ")", "!", "<", ">", "https://x.org", "javascript:a()", "|", "|-|\n", "a"],
    *["b c", "\\", "&amp;", "\U0001f600", "\x00", "\ud800", "\t", "---\n", "[x]: /u\n", "vec<int>"],
]
documents = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def marked(body: Rich) -> list[tuple[Style, str, str]]:
    return [(s.style, words(body, s), s.value) for s in body.spans]


def words(body: Rich, span: Span) -> str:
    return body.text[span.start : span.start + span.length]


@settings(deadline=None)
@given(documents)
def test_any_document_is_rendered_with_spans_in_range(document: str) -> None:
    body = render(document)
    assert all(s.start >= 0 and s.length > 0 for s in body.spans)
    assert all(s.start + s.length <= len(body.text) for s in body.spans)
    body.text.encode()


@settings(deadline=None)
@given(documents)
def test_code_holds_no_other_style(document: str) -> None:
    spans = render(document).spans
    for code in (s for s in spans if s.style in (Style.CODE, Style.PRE)):
        assert not [s for s in spans if s.length < code.length and is_inside(s, code)]


def is_inside(span: Span, other: Span) -> bool:
    return other.start <= span.start and span.start + span.length <= other.start + other.length


@settings(deadline=None)
@given(documents)
def test_links_say_where_they_lead_and_lead_to_the_web(document: str) -> None:
    for style, text, value in marked(render(document)):
        if style is Style.LINK:
            assert text == value
            assert value.startswith(("http://", "https://"))


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=5))
def test_code_is_kept_to_the_letter(lines: list[str]) -> None:
    code = readable("\n".join(line.replace("~", "-") for line in lines))
    body = render(f"before\n\n~~~~py\n{code}\n~~~~\n\nafter")
    assert body.text == f"before\n\n{code}\n\nafter"
    assert marked(body) == ([(Style.PRE, code, "py")] if code else [])


@pytest.mark.parametrize(
    ("source", "text", "styles"),
    [
        ("# Big *news*", "Big news", [(Style.BOLD, "Big news"), (Style.ITALIC, "news")]),
        ("**b** _i_", "b i", [(Style.BOLD, "b"), (Style.ITALIC, "i")]),
        ("~~s~~ `c`", "s c", [(Style.STRIKE, "s"), (Style.CODE, "c")]),
        ("- a\n- b\n  1. c\n  2. d", "• a\n• b\n  1. c\n  2. d", []),
        ("3. c\n\n4. d", "3. c\n\n4. d", []),
        ("- a\n\n  more", "• a\n\n  more", []),
        ("> q\n>\n> > deep", "q\n\ndeep", [(Style.QUOTE, "q\n\ndeep")]),
        ("a\n\n---\n\nb", "a\n\n———\n\nb", []),
        ("one\ntwo  \nthree", "one\ntwo\nthree", []),
        ("<b>x</b> & vector<int>", "<b>x</b> & vector<int>", []),
        ("    indented", "indented", [(Style.PRE, "indented")]),
        ("snake_case __init__", "snake_case __init__", []),
        ("see __init__.py", "see __init__.py", [(Style.CODE, "__init__.py")]),
        ("- [ ] a\n- [x] b\n- [X]c", "☐ a\n☑ b\n• [X]c", []),
        ("> - a\n>   > b", "• a\n  b", [(Style.QUOTE, "• a\n  b")]),
        (
            "**ask @bob now**",
            "ask @bob now",
            [(Style.BOLD, "ask "), (Style.CODE, "@bob"), (Style.BOLD, " now")],
        ),
        ("**a `b` c**", "a b c", [(Style.BOLD, "a "), (Style.CODE, "b"), (Style.BOLD, " c")]),
        (
            "[x](https://t.me/b?start=1)",
            "x (https://t.me/b?start=1)",
            [(Style.CODE, "https://t.me/b?start=1")],
        ),
        ("a\u202eb", "a\\u202eb", []),
    ],
)
def test_markdown_as_text(source: str, text: str, styles: list[tuple[Style, str]]) -> None:
    body = render(source)
    assert body.text == text
    assert [(style, words) for style, words, _ in marked(body)] == styles


@pytest.mark.parametrize(
    ("source", "text", "address"),
    [
        ("[docs](https://x.org/a)", "docs (https://x.org/a)", "https://x.org/a"),
        ("<https://x.org>", "https://x.org", "https://x.org"),
        (
            "[https://x.org](https://evil.org)",
            "https://x.org (https://evil.org)",
            "https://evil.org",
        ),
        ("![cat](http://x.org/c.png)", "cat (http://x.org/c.png)", "http://x.org/c.png"),
        ("[](https://x.org)", "(https://x.org)", "https://x.org"),
        ("[file](src/a.py)", "file (src/a.py)", ""),
        ("[mail](mailto:a@b.c)", "mail (mailto:a@b.c)", ""),
        ("[bad](javascript:alert(1))", "[bad](javascript:alert(1))", ""),
        ("[bad](https://[)", "bad (https://%5B)", None),
        ("[none]()", "none", ""),
    ],
)
def test_links(source: str, text: str, address: str | None) -> None:
    body = render(source)
    assert body.text == text
    if address is not None:
        links = [span.value for span in body.spans if span.style is Style.LINK]
        assert links == ([address] if address else [])


def test_a_table_stands_in_columns() -> None:
    body = render("|name|n|\n|--|-:|\n|`a`|1|\n|漢字|22|")
    assert body.text == "name |  n\n-----+---\na    |  1\n漢字 | 22"
    assert marked(body) == [(Style.PRE, body.text, "")]


def test_a_table_too_wide_for_a_phone_is_a_list_of_its_rows() -> None:
    body = render(
        "|Check|State|What to do|\n|-|-|-|\n"
        "|`tests`|**red**|run them again on the machine in the cellar|\n|lint||see docs|"
    )
    assert body.text == (
        "Check: tests\nState: red\nWhat to do: run them again on the machine in the cellar\n\n"
        "Check: lint\nWhat to do: see docs"
    )
    assert [(style, text) for style, text, _ in marked(body)] == [
        (Style.CODE, "tests"),
        (Style.BOLD, "red"),
        (Style.BOLD, "lint"),
    ]


def test_a_very_long_text_is_shown_as_it_is() -> None:
    text = "**x** " * MAX_RENDERED_CHARACTERS
    assert render(text) == Rich(text)


def test_what_cannot_be_stored_is_replaced() -> None:
    assert render("a\x00b\ud800").text == "a�b�"


def test_spans_come_in_order_outer_before_inner() -> None:
    assert render("**a _b_**").spans == (Span(Style.BOLD, 0, 3), Span(Style.ITALIC, 2, 1))


@pytest.mark.parametrize("mark", ["\\_", "&#95;", "`_`", "**_**"])
def test_a_secret_that_is_one_only_when_it_is_rendered_is_not_shown(mark: str) -> None:
    body = render(f"The token is **ghp{mark}{'a' * 36}**, they say.")
    assert "a" * 36 not in body.text
    assert "[redacted GitHub token]" in body.text
