from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from appliance.audit.report.gather import Span
from appliance.audit.report.page import page
from appliance.core.model import Millis
from tests.audit.report.happenings import everything, report_of

ELEMENTS = """
    html head meta title style body header main footer section h1 h2 p ul ol li dl dt dd div span
    strong code pre blockquote time a table thead tbody tr th td
    svg defs pattern rect line text path g title"""
ATTRIBUTES = """
    lang charset name content http-equiv class id href title datetime scope data-label tabindex
    dir role aria-label width height x y x1 x2 y1 y2 d rx overflow text-anchor patternunits
    patterntransform"""


class Reader(HTMLParser):
    """Everything that a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.texts.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(report_of(everything(tmp_path_factory.mktemp("log"))))


def test_nothing_recorded_becomes_an_element_or_an_attribute(text: str) -> None:
    found = Reader(text)
    assert found.elements <= set(ELEMENTS.split())
    assert found.attributes <= set(ATTRIBUTES.split())
    assert found.open == []
    assert "<script" not in text


def test_nothing_recorded_hides_moves_or_turns_the_writing(text: str) -> None:
    assert all(c.isprintable() or c == "\n" or c == "\t" for c in text)
    assert r"\u202egnp.exe" in text
    assert r"\x1b[2J" in text


def test_the_page_loads_nothing_and_leads_nowhere_else(text: str) -> None:
    found = Reader(text)
    assert {link[0] for link in found.links} == {"#"}
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert not re.search(r"https?:|//[a-z]|@import", text)


def test_the_policy_allows_its_own_style_and_nothing_else(text: str) -> None:
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(sha256(style[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith(f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}")
    assert "unsafe" not in policy[1]


def test_the_verdict_comes_first(text: str) -> None:
    assert text.index("Intact") < text.index("<svg") < text.index("<table") < text.index("Job 12")


def test_a_huge_value_is_cut_and_says_so(text: str) -> None:
    assert re.search(r"\[… [\d,]+ characters are not shown here …\]", text)
    assert len(text) < 200_000


def test_a_span_without_records_is_a_page_that_says_so(tmp_path: Path) -> None:
    report = report_of(everything(tmp_path), Span(since=Millis(0), until=Millis(1)))
    found = page(report)
    assert "No record of this time was found." in found
    assert "The log from 1970-01-01 00:00:00 to 1970-01-01 00:00:00" in found


def test_a_job_is_the_title(tmp_path: Path) -> None:
    assert "<title>Audit report: Job 13</title>" in page(report_of(everything(tmp_path), 13))
