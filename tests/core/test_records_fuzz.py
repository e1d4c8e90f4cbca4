from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.events import ActorType, RequestAllowed, Who
from appliance.core.model import Millis
from appliance.core.records import (
    NO_PREVIOUS,
    SALT_BYTES,
    Outcome,
    Record,
    chain,
    decode,
    draft,
    encode,
    leaf_hash,
)
from appliance.core.redact import redact

# text without halves of characters: two that meet would come back as one
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
INTEGER = st.integers(-(2**53) + 1, 2**53 - 1)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
HASH = st.binary(min_size=32, max_size=32)

RECORDS = st.builds(
    Record,
    log=TEXT,
    seq=INTEGER,
    time=INTEGER.map(Millis),
    mono=INTEGER,
    boot=TEXT,
    kind=st.from_regex(r"[a-z]{1,9}\.[a-z_]{1,9}", fullmatch=True),
    actor=st.builds(Who, st.sampled_from(ActorType), TEXT, TEXT),
    session=TEXT,
    cause=st.lists(TEXT, max_size=3).map(tuple),
    outcome=st.sampled_from(Outcome),
    data=st.dictionaries(
        NAME, TEXT | INTEGER | st.booleans() | st.lists(TEXT, max_size=3).map(tuple), max_size=5
    ),
    commitments=st.dictionaries(NAME, HASH, max_size=2),
    previous=HASH,
)


@given(RECORDS)
def test_decoding_is_the_inverse_of_encoding(record: Record) -> None:
    assert decode(encode(record)) == record


@given(RECORDS, st.text(max_size=20))
def test_any_text_at_all_has_one_encoding(record: Record, text: str) -> None:
    encoded = encode(replace(record, data={"text": text}))
    assert encode(decode(encoded)) == encoded


@given(RECORDS, st.data())
def test_any_flipped_bit_changes_the_hash_or_is_refused(
    record: Record, data: st.DataObject
) -> None:
    encoded = bytearray(encode(record))
    bit = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    assert leaf_hash(bytes(encoded)) != leaf_hash(encode(record))
    try:
        changed = decode(bytes(encoded))
    except ValueError:
        return
    assert changed != record


SECRET = "sk-ant-" + "x" * 20
ANY_TEXT = st.text(max_size=20) | st.sampled_from((SECRET, f"a {SECRET}", f"{SECRET}\0", "\ud800"))


@given(st.lists(ANY_TEXT, max_size=3).map(tuple), ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_event_becomes_a_record_without_secrets(
    cause: tuple[str, ...], name: str, text: str, input_: str
) -> None:
    event = RequestAllowed(
        who=Who(ActorType.USER, name),
        cause=cause,
        act="bash",
        object=text,
        project="web",
        rule="r:1",
        input=input_,
    )
    made = draft(event, lambda: bytes(SALT_BYTES))
    ((_, encoded, _),) = chain([made], "l", "b", Millis(1), 2, 3, NO_PREVIOUS)
    found = decode(encoded)
    joined = redact(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert found.data["object"] == joined
    assert found.commitments == {value.name: value.commitment for value in made.values}
    assert SECRET not in found.data["object"]
    assert all(SECRET not in value.text for value in made.values)
    assert all(SECRET not in item for item in found.cause)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_order(encoded: bytes) -> None:
    try:
        decode(encoded)
    except ValueError:
        return
    raise AssertionError("random bytes are no record")


@given(RECORDS)
def test_the_bytes_are_those_of_an_independent_implementation(record: Record) -> None:
    assert encode(record) == canonical(json.loads(encode(record))).encode()


def canonical(value: Any) -> str:
    """RFC 8785 for what records hold, written from the RFC: sections 3.2.2 and 3.2.3."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int():
            return str(value)
        case str():
            return '"' + "".join(map(canonical_character, value)) + '"'
        case list():
            return "[" + ",".join(map(canonical, value)) + "]"
        case dict():
            in_order = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{canonical(k)}:{canonical(value[k])}" for k in in_order) + "}"
        case _:
            raise TypeError(value)


def canonical_character(character: str) -> str:
    short = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
    if character in short:
        return "\\" + short[character]
    return f"\\u{ord(character):04x}" if character < " " else character
