from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from appliance.audit.checkpoint import Note
from appliance.audit.claims import notes_in
from appliance.audit.writer import Writer
from tests.audit.logs import BOOT
from tests.fakes import FakeClock


@pytest.fixture
def note(tmp_path: Path) -> Note:
    with closing(Writer(tmp_path, FakeClock(), BOOT)) as writer:
        return writer.head()


def test_a_note_is_found_as_it_was_posted(note: Note) -> None:
    assert list(notes_in(str(note))) == [note]


def test_notes_are_found_among_other_words(note: Note) -> None:
    quoted = "".join(f"> {line}\r\n" for line in str(note).splitlines())
    text = f"Audit checkpoint\r\nKeep this message.\r\n{quoted}\r\nThanks!\n\n{note}"
    assert list(notes_in(text)) == [note, note]


def test_the_signatures_of_witnesses_are_left_out(note: Note) -> None:
    cosigned = f"{note}— witness.example {'A' * 100}==\n"
    assert list(notes_in(cosigned)) == [note]


def test_other_texts_hold_no_note() -> None:
    assert list(notes_in("all was well\n\n— A. N. Other")) == []


def test_a_broken_note_is_refused(note: Note) -> None:
    broken = str(note).replace("\n\n— ", f"\n\n— {note.checkpoint.origin} {'A' * 96}==\n— ", 1)
    with pytest.raises(ValueError, match="signature"):
        list(notes_in(broken))
