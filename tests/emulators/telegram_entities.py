"""What Telegram says of a message's entities, and what it would make of the text by itself.

https://core.telegram.org/bots/api#messageentity and TDLib's `find_entities`, from which the server
and the clients take what is active: the shapes here are TDLib's, narrower than ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from appliance.core.model import Json

Entity = dict[str, Json]

MOST = 100
CODE = ("code", "pre")
STACKABLE = ("bold", "italic", "strikethrough")
KNOWN = (*CODE, *STACKABLE, "blockquote", "text_link")

ACTIVE = (
    re.compile(r"(?<=\B)@([a-zA-Z0-9_]{2,32})(?=\b)"),
    re.compile(r"(?<![\w/<>])/([a-zA-Z0-9_]{1,64})(?:@([a-zA-Z0-9_]{3,32}))?(?!\B|[/<>])"),
    re.compile(r"(?<!\w)#(?=\d*[^\W\d])\w{1,256}(?!#)"),
    re.compile(r"(?<![$\w])\$(?:1INCH|[A-Z]{1,8})(?![$\w])"),
    re.compile(r"(?:tg|ton)://[^\s]+", re.IGNORECASE),
    re.compile(r"(?<![\w.-])(?:[\w-]+\.)?(?:t|telegram)\.me(?:/\w+)?(?![\w-])", re.IGNORECASE),
    re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]+\.)+[a-z]{2,8}", re.IGNORECASE),
)


def wrong_with(text: str, entities: Sequence[Entity]) -> list[str]:
    """Everything Telegram would refuse, drop or cut of these entities."""
    encoded = text.encode("utf-16-le")
    ranges = [(_int(e["offset"]), _int(e["offset"]) + _int(e["length"])) for e in entities]
    found = []
    if len(entities) > MOST:
        found.append(f"{len(entities)} entities")
    for entity, (start, end) in zip(entities, ranges, strict=True):
        if entity["type"] not in KNOWN:
            found.append(f"unknown {entity['type']}")
        if not 0 <= start < end <= len(encoded) // 2:
            found.append(f"{entity['type']} out of bounds: {start}-{end}")
        elif any(_is_inside_a_pair(encoded, at) for at in (start, end)):
            found.append(f"{entity['type']} cuts a character: {start}-{end}")
    kinds = [str(entity["type"]) for entity in entities]
    order = sorted(zip(ranges, kinds, strict=True), key=lambda each: (each[0][0], -each[0][1]))
    found += list(_misplaced(order))
    return found


def _misplaced(order: Sequence[tuple[tuple[int, int], str]]) -> Iterator[str]:
    opened: list[tuple[tuple[int, int], str]] = []
    for (start, end), kind in order:
        while opened and opened[-1][0][1] <= start:
            opened.pop()
        for (_, outer_end), outer in opened:
            if end > outer_end:
                yield f"{kind} crosses {outer}"
            elif not _may_hold(outer, kind):
                yield f"{kind} inside {outer}"
        opened.append(((start, end), kind))


def _may_hold(outer: str, kind: str) -> bool:
    if outer in CODE or outer == kind:
        return False
    if outer == "blockquote":  # TDLib takes code in a quote, whatever the documentation says
        return True
    return kind in STACKABLE or (outer in STACKABLE and kind not in CODE)


def active_in(text: str, entities: Sequence[Entity]) -> list[str]:
    """What would ring, run, dial or open when it is touched, outside of code."""
    units = [unit for character in text for unit in _units(character)]
    still = [False] * len(units)
    for entity in entities:
        if entity["type"] in (*CODE, "text_link"):
            start = _int(entity["offset"])
            still[start : start + _int(entity["length"])] = [True] * _int(entity["length"])
    at = [0, *(0 for _ in text)]
    for index, character in enumerate(text):
        at[index + 1] = at[index] + len(_units(character))
    return [
        found[0]
        for shape in ACTIVE
        for found in shape.finditer(text)
        if not any(still[at[found.start()] : at[found.end()]])
    ]


def _units(character: str) -> str:
    return "xx" if character > "\uffff" else "x"


def _is_inside_a_pair(encoded: bytes, unit: int) -> bool:
    here = encoded[unit * 2 : unit * 2 + 2]
    return len(here) == 2 and 0xDC <= here[1] <= 0xDF


def _int(value: Json) -> int:
    assert isinstance(value, int)
    return value
