"""What is recognised by its shape is what decoding would have taken, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.events import ActorType, Who
from appliance.core.model import Millis
from appliance.core.records import (
    MAX_RECORD_BYTES,
    NO_PREVIOUS,
    Outcome,
    Record,
    decode,
    encode,
)
from appliance.core.shapes import Shapes, link

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"kind":"x.y"', '\\"kind\\":\\"', "\b\f\n\r\t\0\x1f\x7f", "\u2028😀", '","', "\\u0000"]
)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
HASHES = st.binary(min_size=32, max_size=32)
NAMES = st.sampled_from(["a", "job", "kind", "z_9"])
RECORDS = st.builds(
    Record,
    log=TEXTS,
    seq=NUMBERS,
    time=NUMBERS.map(Millis),
    mono=NUMBERS,
    boot=TEXTS,
    kind=st.sampled_from(["job.queued", "request.allowed"]),
    actor=st.builds(Who, st.sampled_from(ActorType), TEXTS, TEXTS),
    session=TEXTS,
    cause=st.lists(TEXTS, max_size=3).map(tuple),
    outcome=st.sampled_from(Outcome),
    data=st.dictionaries(
        NAMES, TEXTS | NUMBERS | st.booleans() | st.lists(TEXTS, max_size=3).map(tuple)
    ),
    commitments=st.dictionaries(NAMES, HASHES),
    previous=HASHES,
)
PLAIN = Record(
    log="dispatch-audit/0123",
    seq=7,
    time=Millis(1_800_000_000_000),
    mono=12_345,
    boot="b1",
    kind="request.denied",
    actor=Who(ActorType.USER, "anna", "telegram:4711"),
    session="",
    cause=("telegram:1:8",),
    outcome=Outcome.DENIED,
    data={"object": "rm -rf /", "count": 3, "sure": True, "by": ("lead", "owner")},
    commitments={"input": bytes(range(32)), "a": NO_PREVIOUS},
    previous=NO_PREVIOUS,
)


def shapes_of(*records: Record) -> Shapes:
    shapes = Shapes()
    for record in records:
        shapes.learn(record)
    return shapes


def test_a_record_is_recognised_by_one_like_it() -> None:
    other = replace(
        PLAIN,
        seq=8,
        boot='b"2"',
        data={**PLAIN.data, "object": "\x00 ü", "count": -4, "sure": False, "by": ()},
        previous=bytes([7] * 32),
    )
    seen = shapes_of(PLAIN).see(encode(other))
    assert seen == (
        encode(other).decode(),
        "request.denied",
        (b"a", b"input"),
        (
            r'"b\"2\""',
            NO_PREVIOUS.hex(),
            bytes(range(32)).hex(),
            "12345",
            link(other.previous, 8),
            "1800000000000",
        ),
    )


def test_to_learn_a_record_tells_the_same_as_to_recognise_it() -> None:
    assert Shapes().learn(PLAIN) == shapes_of(PLAIN).see(encode(PLAIN))


def test_an_unknown_shape_is_not_recognised() -> None:
    shapes = shapes_of(PLAIN)
    for other in (
        replace(PLAIN, kind="request.allowed"),
        replace(PLAIN, log="dispatch-audit/4567"),
        replace(PLAIN, commitments={}),
        replace(PLAIN, data={**PLAIN.data, "count": "3"}),
        replace(PLAIN, data={**PLAIN.data, "more": 1}),
    ):
        assert shapes.see(encode(other)) is None


SPELLINGS = [
    lambda text: text.replace('"seq":7', '"seq": 7'),
    lambda text: text.replace('"seq":7', '"seq":07'),
    lambda text: text.replace('"seq":7', '"seq":7.0'),
    lambda text: text.replace('"count":3', '"count":-0'),
    lambda text: text.replace('"count":3', '"count":9007199254740993'),
    lambda text: text.replace('"sure":true', '"sure":1'),
    lambda text: text.replace('"sure":true', '"sure":null'),
    lambda text: text.replace("anna", "\\u0061nna"),
    lambda text: text.replace("anna", "\\/nna"),
    lambda text: text.replace("anna", "\\u0008"),
    lambda text: text.replace("anna", "a\nb"),
    lambda text: text.replace("anna", "\\ud83d\\ude00"),
    lambda text: text.replace('"user"', '"root"'),
    lambda text: text.replace('"denied"', '"fine"'),
    lambda text: text.replace('"v":1', '"v":2'),
    lambda text: text.replace("00010203", "0001020G"),
    lambda text: text.replace('"by":["lead","owner"]', '"by":["lead",]'),
    lambda text: text.replace('"by":["lead","owner"]', '"by":["lead",1]'),
    lambda text: text + "\n",
    lambda text: text[:-1],
    lambda text: json.dumps(json.loads(text)),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_other_spelling_is_recognised(spelling: object) -> None:
    assert callable(spelling)
    text = encode(PLAIN).decode()
    changed = spelling(text)
    assert changed != text
    assert shapes_of(PLAIN).see(changed.encode()) is None


def test_neither_what_is_no_text_nor_what_is_too_long_is_recognised() -> None:
    shapes = shapes_of(PLAIN)
    assert shapes.see(encode(PLAIN).replace(b"anna", b"\xff")) is None
    assert shapes.see(b"") is None
    large = replace(PLAIN, data={**PLAIN.data, "object": "x" * MAX_RECORD_BYTES})
    assert shapes.see(encode(large)) is None


def test_only_so_many_shapes_are_kept() -> None:
    shapes = Shapes()
    for number in range(2_000):
        shapes.learn(replace(PLAIN, kind=f"a.{'b' * (number % 400)}c", data={f"f{number}": 1}))
    assert sum(map(len, shapes._known.values())) <= 256 * 8


@given(st.lists(RECORDS, min_size=1, max_size=5), RECORDS)
def test_what_is_recognised_is_canonical(known: list[Record], other: Record) -> None:
    encoded = encode(other)
    seen = shapes_of(*known, other).see(encoded)
    if seen is not None:
        assert encode(decode(encoded)) == encoded
        assert seen == Shapes().learn(other)


@given(RECORDS, st.data())
def test_a_changed_byte_is_recognised_only_where_decoding_takes_it(
    record: Record, data: st.DataObject
) -> None:
    shapes = shapes_of(record)
    changed = bytearray(encode(record))
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] = data.draw(st.integers(0, 255))
    seen = shapes.see(bytes(changed))
    if seen is not None:
        assert Shapes().learn(decode(bytes(changed))) == seen
