"""Keys as text: what is mistyped is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup import bech32


@given(st.binary(max_size=64))
def test_what_was_encoded_is_decoded(content: bytes) -> None:
    text = bech32.encode("age", content)
    assert bech32.decode(text) == ("age", content)
    assert bech32.decode(text.upper()) == ("age", content)


@given(st.binary(min_size=32, max_size=32), st.integers(4, 60), st.sampled_from("qpzry9x8"))
def test_a_changed_character_is_noticed(content: bytes, place: int, other: str) -> None:
    text = bech32.encode("age", content)
    changed = text[:place] + other + text[place + 1 :]
    if changed != text:
        with pytest.raises(ValueError, match="wrong"):
            bech32.decode(changed)


@pytest.mark.parametrize(
    "text", ["", "age", "age1", "1qqqqqqqq", "age1QQqqqqqqq", "age1bbbbbbbb", "Age1qqqqqqqqq"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        bech32.decode(text)
