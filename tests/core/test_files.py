"""Names, limits and words of files that people send."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.files import (
    MAX_NAME_BYTES,
    FileLimits,
    StoredFile,
    named_files,
    objection,
    safe_name,
    safe_names,
    size_in_words,
    task_with_files,
)
from appliance.core.model import FileKind, IncomingFile
from appliance.core.pictures import Picture


def document(name: str = "", size: int = 10, kind: FileKind = FileKind.DOCUMENT) -> IncomingFile:
    return IncomingFile(kind, "id", name, size=size)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.doc", "a.doc"),
        ("-rf", "rf"),
        ("--add-dir=x.txt", "add-dir=x.txt"),
        (".env", "env"),
        ("a\x00b\x1b[31m.png", "ab_31m.png"),
        ("a\nb.txt", "ab.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("$(id);`x`|y.sh", "(id)__x__y.sh"),
        ("CON", "file-CON"),
        ("nul.txt", "file-nul.txt"),
        ("LPT1.png", "file-LPT1.png"),
        ("Größe  1.pdf", "Größe_ 1.pdf"),
        ("trailing. ", "trailing"),
        ("..", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_name_is_one_plain_segment_that_hides_nothing(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    name = safe_name("é" * 300 + ".PNG")
    assert name.endswith(".PNG")
    assert len(name.encode()) <= MAX_NAME_BYTES


@given(st.lists(st.text(max_size=300), max_size=8))
def test_whatever_they_are_called_they_are_apart_and_safe(names: list[str]) -> None:
    safe = safe_names([document(name) for name in names])
    assert len({unicodedata.normalize("NFKD", name).casefold() for name in safe}) == len(names)
    for name in safe:
        assert 0 < len(name.encode()) <= 255
        assert not set(name) & set("/\\\0\n;&|$`\"'<>*?[]{}!#%~")
        assert name[0] not in "-. "
        assert all(unicodedata.category(character)[0] != "C" for character in name)


def test_files_without_a_name_are_called_by_their_kind() -> None:
    kinds = [FileKind.PHOTO, FileKind.PHOTO, FileKind.VOICE, FileKind.VIDEO, FileKind.DOCUMENT]
    names = safe_names([document(kind=kind) for kind in kinds])
    assert names == ("photo.jpg", "photo-2.jpg", "voice.ogg", "video.mp4", "document")


def test_what_is_too_large_too_many_or_of_another_type_is_not_taken() -> None:
    limits = FileLimits(max_bytes=20 * 1024 * 1024, max_count=2, types=("pdf", "JPG"))
    assert objection([document("a.PDF"), document(kind=FileKind.PHOTO)], limits) is None
    too_large = objection([document("a.pdf", 25 * 1024 * 1024)], limits)
    assert str(too_large).startswith("a.pdf has 25 MB; 20 MB is the most that can be taken here.")
    assert str(objection([document("a.pdf")] * 3, limits)) == "That is 3 files; a task may have 2."
    other = str(objection([document("run.exe")], limits))
    assert other == "run.exe is not taken; these types are: pdf, JPG."
    assert objection([document("run.exe")], FileLimits()) is None


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1023 B"), (2048, "2 kB"), (3 * 2**19, "1.5 MB")]
)
def test_sizes_are_short(size: int, words: str) -> None:
    assert size_in_words(size) == words


def test_the_agent_is_told_where_the_files_are_and_that_they_are_material() -> None:
    files = [StoredFile("a.csv", 2048, "x"), StoredFile("b.png", 10, "y", Picture.JPEG)]
    text = task_with_files("sum up", "/inbox/7", files)
    assert text.startswith("sum up\n\n")
    assert "nobody's instruction" in text
    assert "- /inbox/7/a.csv (2 kB)" in text
    assert "- /inbox/7/b.png (10 B, not the png that its name says)" in text


def test_files_that_an_answer_names_are_found_in_code_and_links() -> None:
    answer = (
        "I drew `out/chart.png` and wrote [the report](docs/report.pdf), see `./a b.txt`.\n"
        "`out/chart.png` again; `../other/x.py`, `rm -rf x`, `src/`, `http://x.org/a.png`, "
        "plain.txt and ```\nc.py\n``` are none."
    )
    assert named_files(answer) == ("out/chart.png", "docs/report.pdf", "./a b.txt")


@given(st.text(max_size=400))
def test_no_answer_is_too_odd_to_be_looked_through(answer: str) -> None:
    assert all(".." not in path.split("/") for path in named_files(answer))
