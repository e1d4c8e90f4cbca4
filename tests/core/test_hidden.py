from __future__ import annotations

import pytest

from appliance.core.hidden import written_out

ENGLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rm \u202ex", "rm \\u202ex"),
        ("a\u200bb\u00adc\ufeff", "a\\u200bb\\u00adc\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("x\U000e0100", "x\\U000e0100"),
        ("a\u200db", "a\\u200db"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "\\u0301" * 2),
        ("\x1b[2J", "\\u001b[2J"),
    ],
)
def test_what_hides_something_is_written_out(text: str, shown: str) -> None:
    assert written_out(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\nc",
        ENGLAND,
        "\U0001f469\u200d\U0001f4bb",
        "\u2764\ufe0f",
        "\u0645\u06cc\u200c\u062e",
        "e\u0301",
    ],
)
def test_what_a_script_or_a_picture_needs_stays(text: str) -> None:
    assert written_out(text) == text
