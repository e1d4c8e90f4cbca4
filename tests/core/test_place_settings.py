"""What can be typed behind /settings, and that a button means what can be typed."""

from __future__ import annotations

import pytest

from appliance.core.model import Phrase
from appliance.core.place_settings import (
    TOKEN,
    Change,
    ChangeSettings,
    NoQuietHours,
    Page,
    ShowSettings,
    Zone,
    pressed,
    read,
    typed,
    words_for,
)
from appliance.core.preferences import Language, QuietHours, Verbosity

CHANGES: list[tuple[str, Change]] = [
    ("language de", Language.GERMAN),
    ("language EN", Language.ENGLISH),
    ("zone Europe/Berlin", Zone("Europe/Berlin")),
    ("zone host", Zone("")),
    ("jobs full", Verbosity.FULL),
    ("quiet 22:00-07:00", QuietHours(22 * 60, 7 * 60)),
    ("quiet 22-7", QuietHours(22 * 60, 7 * 60)),
    ("quiet 22:30 – 6:15", QuietHours(22 * 60 + 30, 6 * 60 + 15)),
    ("quiet off", NoQuietHours()),
]


@pytest.mark.parametrize(("text", "change"), CHANGES)
def test_what_is_typed_is_understood_and_can_be_pressed(text: str, change: Change) -> None:
    assert read(text) == ChangeSettings(change)
    assert pressed(f"{TOKEN}{words_for(change)}") == ChangeSettings(change)
    assert read(typed(ChangeSettings(change)).removeprefix("/settings")) == ChangeSettings(change)
    assert len(f"{TOKEN}{words_for(change)}".encode()) <= 64


def test_pages_are_shown() -> None:
    assert read("") == ShowSettings()
    assert read("zone") == ShowSettings(Page.ZONES) == pressed(f"{TOKEN}zone")


@pytest.mark.parametrize(
    "text",
    [
        "language",
        "language xx",
        "zone ../etc/passwd",
        "jobs",
        "quiet",
        "quiet 25-7",
        "quiet 7-7",
        "x",
    ],
)
def test_what_is_not_understood_is_told(text: str) -> None:
    assert isinstance(read(text), Phrase)
    assert pressed(f"{TOKEN}{text}") is None
