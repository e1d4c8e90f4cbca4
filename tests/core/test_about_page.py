"""What the page's scripts say is in the catalogue, word for word, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from appliance import chat
from appliance.core.preferences import Language
from appliance.core.replies import about_page

PAGE = Path(chat.__file__).parent / "page"
SAID_BY_THE_SERVER = {
    about_page.NOTHING.key,
    about_page.FILES_GONE.key,
    about_page.NOT_THERE.key,
    "This link was used already, or is too old.",
}
SENTENCE = re.compile(r'''\bt\(\s*(?:token \? [^:]* : )?"([^"]+)"''')
MARKED = re.compile(r'(<[^>]*data-say="([^"]+)"[^>]*>)([^<]*)')


def in_documents() -> Iterator[str]:
    """What `data-say` names."""
    for document in PAGE.glob("*.html"):
        for tag, kinds, text in MARKED.findall(document.read_text()):
            for kind in kinds.split():
                words = text if kind == "text" else tag.partition(f'{kind}="')[2].split('"')[0]
                yield " ".join(words.split())


def in_scripts() -> Iterator[str]:
    for script in PAGE.glob("*.js"):
        yield from SENTENCE.findall(script.read_text())


def test_the_page_says_what_the_catalogue_has_and_nothing_else() -> None:
    said = {*in_documents(), *in_scripts(), *SAID_BY_THE_SERVER}
    assert said == {one.key for one in about_page.PAGE}


def test_all_of_it_is_there_in_german_and_english_needs_none() -> None:
    assert len(about_page.sentences(Language.GERMAN)) == len(about_page.PAGE)
    assert about_page.sentences(Language.ENGLISH) == {}
