"""Recognising records without decoding them: by the shape of one that was decoded before.

To decode a record and encode it again, which is how it is shown to be canonical, takes 30
microseconds; an audit of a million records would take half a minute of nothing else. The shape
of a record is the regular expression that it matches, with its texts, numbers, truth values and
hashes left open: what matches the shape of a record that `decode` took, `decode` takes as well.
What matches none may be fine, and has to be decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from appliance.core.events import ActorType
from appliance.core.model import Json
from appliance.core.records import MAX_RECORD_BYTES, VERSION, Outcome, Record, encode

_SHAPES = 8  # kept of one kind of record: with and without this or that private field
_KINDS = 256

# canonical JSON, and less than all of it: no surrogates, no number of more than 15 digits
_ESCAPE = r'\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))'
_PLAIN = r'[^"\\\x00-\x1f]*+'
_TEXT = rf'"{_PLAIN}(?:{_ESCAPE}{_PLAIN})*+"'
_TEXTS = rf"\[(?:{_TEXT}(?:,{_TEXT})*+)?\]"
_INTEGER = r"(?:0|-?[1-9][0-9]{0,14})"
_HASH = r"[0-9a-f]{64}"
_ACTOR = rf'\{{"auth":{_TEXT},"id":{_TEXT},"type":"(?:{"|".join(ActorType)})"\}}'


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of the records of a kind, `committed` being the names of its private fields.

    `match` gives the parts that differ: boot (as JSON writes it), the commitments in the order of
    their names, mono, `link` (see there) and time.
    """

    committed: tuple[bytes, ...]
    match: Callable[[str], re.Match[str] | None]


Seen = tuple[str, str, tuple[bytes, ...], tuple[str, ...]]
"""One record as text, its kind, the names of its private fields, and what `Shape.match` gives."""


class Shapes:
    """The shapes seen so far of the records of one log."""

    def __init__(self) -> None:
        self._known: dict[str, list[Shape]] = {}

    def see(self, encoded: bytes) -> Seen | None:
        """What a record is, if its shape is known: then it is canonical. None says nothing."""
        try:
            text = encoded.decode()
        except UnicodeDecodeError:
            return None
        begin = text.rfind('"kind":"') + 8
        kind = text[begin : text.find('"', begin)]
        for shape in self._known.get(kind, ()):
            if (found := shape.match(text)) and len(encoded) <= MAX_RECORD_BYTES:
                return text, kind, shape.committed, found.groups()
        return None

    def learn(self, record: Record) -> Seen:
        """Know the shape of a record that was decoded from now on; and what the record is."""
        names = tuple(sorted(record.commitments))
        known = self._known.setdefault(record.kind, []) if len(self._known) < _KINDS else []
        if len(known) < _SHAPES:
            known.append(Shape(_encoded(names), re.compile(_pattern(record, names)).fullmatch))
        commitments = (record.commitments[name].hex() for name in names)
        places = (str(record.mono), link(record.previous, record.seq), str(record.time))
        parts = (_json(record.boot), *commitments, *places)
        return encode(record).decode(), record.kind, _encoded(names), parts


def link(previous: bytes, seq: int) -> str:
    """How a record says which one it is and which one it follows."""
    return f'{previous.hex()}","seq":{seq}'


def _pattern(record: Record, names: tuple[str, ...]) -> str:
    commitments = ",".join(f'"{name}":"({_HASH})"' for name in names)
    data = ",".join(f'"{name}":{_open(value)}' for name, value in sorted(record.data.items()))
    return (
        rf'\{{"actor":{_ACTOR},"boot":({_TEXT}),"c":\{{{commitments}\}},"cause":{_TEXTS},'
        rf'"d":\{{{data}\}},"kind":"{re.escape(record.kind)}","log":{re.escape(_json(record.log))},'
        rf'"mono":({_INTEGER}),"outcome":"(?:{"|".join(Outcome)})",'
        rf'"prev":"({_HASH}","seq":{_INTEGER}),"session":{_TEXT},"t":({_INTEGER}),"v":{VERSION}\}}'
    )


def _open(value: object) -> str:
    """What any value of this type looks like."""
    if isinstance(value, bool):
        return "(?:true|false)"
    if isinstance(value, int):
        return _INTEGER
    return _TEXT if isinstance(value, str) else _TEXTS


def _encoded(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in names)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
