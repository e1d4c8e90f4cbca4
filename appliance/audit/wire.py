"""What goes over the socket of dispatch-audit: one JSON object on one line, in both directions.

    → {"v":1,"id":7,"type":"append","events":[{"name":"job.queued","data":{…}}]}
    ← {"v":1,"id":7,"type":"appended","seq":41,"root":"…"}

Each type is a frozen class below and its fields are the fields of the frame. A frame is read
whole or refused whole: a field too many, one missing, a wrong type or a word not known here means
that both ends are of different versions, and guessing is no way to keep a log. The `id` is the
asker's own and comes back with the answer; one asker may have many questions open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_args, get_type_hints

from appliance.core.events import ActorType, Event, Who, event_names, name_of
from appliance.core.excerpts import Excerpt, LogLine
from appliance.core.model import Json
from appliance.core.records import READ_CHARS
from appliance.ports import Receipt

VERSION = 1
MAX_FRAME_BYTES = 1 << 20

_INTEGERS = range(-(2**53) + 1, 2**53)


class Malformed(ValueError):
    """A frame that cannot be understood. `id` is whose question it was, 0 when not even that."""

    def __init__(self, reason: str, frame_id: int = 0) -> None:
        super().__init__(reason)
        self.id = frame_id


# --- questions


@dataclass(frozen=True, slots=True)
class Append:
    """Record these events, in one commit. Answer: `Appended`."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class TakeCheckpoint:
    """Answer: `Checkpointed`, the signed note of the log as it is now."""


@dataclass(frozen=True, slots=True)
class RecordAnchor:
    """A checkpoint of that size was taken by `sink`, which gave back `receipt`."""

    size: int
    sink: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Redact:
    """Destroy the private value of a record."""

    seq: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prune:
    """Destroy what records before this one say; their hashes stay."""

    before: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rotate:
    """End the epoch: another key signs from now on."""


@dataclass(frozen=True, slots=True)
class AskStanding:
    """Answer: `Standing`."""


@dataclass(frozen=True, slots=True)
class AskPublicKey:
    """Answer: `PublicKeyIs`, the log's first one."""


@dataclass(frozen=True, slots=True)
class ProveGrowth:
    """Answer: `Grown`, the proof that the log of `old` records became that of `new`."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class ReadLog:
    """The newest records before that one which fit; "" and 0 fit all. Answer: `LogRead`."""

    who: str
    job: int
    since: int
    before: int


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What is stored of the records from the one after this to `last`, as much as fits at once.

    Answer: `Rows`.
    """

    after: int
    last: int


Question = (
    Append
    | TakeCheckpoint
    | RecordAnchor
    | Redact
    | Prune
    | Rotate
    | AskStanding
    | AskPublicKey
    | ProveGrowth
    | ReadLog
    | ReadRows
)


# --- answers


@dataclass(frozen=True, slots=True)
class Appended:
    """The events are durable and signed."""

    seq: int
    root: bytes

    def receipt(self) -> Receipt:
        return Receipt(self.seq, self.root)


@dataclass(frozen=True, slots=True)
class Checkpointed:
    note: str


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for is done and durable."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Why nothing is recorded any more, "" while all is well."""

    refusal: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not done, and why. With id 0 nothing else that was asked will be answered."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class PublicKeyIs:
    key: str


@dataclass(frozen=True, slots=True)
class Grown:
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LogRead:
    """Records in a few words, checked against what was signed."""

    lines: tuple[LogLine, ...]
    first: int
    size: int
    anchored: int
    anchored_at: int

    def excerpt(self) -> Excerpt:
        return Excerpt(self.lines, self.first, self.size, self.anchored, self.anchored_at)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the database, each as `copies.encoded` writes it; `upto` is the last record."""

    upto: int
    rows: tuple[bytes, ...]


Answer = Appended | Checkpointed | Done | Standing | PublicKeyIs | Grown | LogRead | Rows | Refused

_TYPES: Mapping[str, type] = {
    "append": Append,
    "take_checkpoint": TakeCheckpoint,
    "record_anchor": RecordAnchor,
    "redact": Redact,
    "prune": Prune,
    "rotate": Rotate,
    "ask_standing": AskStanding,
    "ask_public_key": AskPublicKey,
    "prove_growth": ProveGrowth,
    "read_log": ReadLog,
    "read_rows": ReadRows,
    "appended": Appended,
    "checkpointed": Checkpointed,
    "done": Done,
    "standing": Standing,
    "public_key_is": PublicKeyIs,
    "grown": Grown,
    "log_read": LogRead,
    "rows": Rows,
    "refused": Refused,
}
WORDS: Mapping[type, str] = {cls: word for word, cls in _TYPES.items()}
"""The `type` of each question and answer."""


def write(frame_id: int, message: Question | Answer) -> bytes:
    """The line of a frame. Raises Malformed when it would be too long to be taken."""
    word = WORDS[type(message)]
    line = _line({"v": VERSION, "id": frame_id, "type": word, **_fields(message)})
    if len(line) > MAX_FRAME_BYTES:
        raise Malformed(f"{len(line):,} bytes at once are too many for dispatch-audit", frame_id)
    return line


def read_question(line: bytes) -> tuple[int, Question]:
    """The id and the question in a line. Raises Malformed."""
    frame_id, message = _read(line, get_args(Question))
    return frame_id, message


def read_answer(line: bytes) -> tuple[int, Answer]:
    """The id and the answer in a line. Raises Malformed."""
    frame_id, message = _read(line, get_args(Answer))
    return frame_id, message


# --- lines


def _read(line: bytes, expected: tuple[type, ...]) -> tuple[int, Any]:
    frame = _object(line)
    frame_id = _frame_id(frame)
    try:
        if frame.pop("v", None) != VERSION:
            raise ValueError(f"only version {VERSION} of this protocol is spoken here")
        cls = _TYPES.get(str(frame.pop("type", "")))
        if cls is None or cls not in expected:
            raise ValueError("the type of the frame is not known here")
        return frame_id, cls(**_values(cls, frame, "the frame"))
    except ValueError as error:
        raise Malformed(str(error), frame_id) from error


def _object(line: bytes) -> dict[str, Json]:
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Malformed("a frame is one JSON object on one line") from error
    if not isinstance(frame, dict):
        raise Malformed("a frame is one JSON object on one line")
    return frame


def _frame_id(frame: dict[str, Json]) -> int:
    try:
        return _whole(frame.pop("id", None))
    except ValueError as error:
        raise Malformed("a frame has a whole number as its id") from error


def _line(frame: Mapping[str, Json]) -> bytes:
    try:
        return json.dumps(frame, ensure_ascii=False, separators=_COMPACT).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair: escaped it can be carried
        return json.dumps(frame, separators=_COMPACT).encode() + b"\n"


_COMPACT = (",", ":")


# --- values


def _plain(value: object) -> Json:
    match value:
        case str():
            return value[:READ_CHARS]
        case int():
            return value
        case bytes():
            return value.hex()
        case tuple():
            return [_plain(item) for item in value]
        case Who() | LogLine():
            return _fields(value)
        case Event():
            return {"name": value.name, "data": _fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no form on the wire")


def _fields(value: Any) -> dict[str, Json]:
    cls: Any = type(value)
    return {name: _plain(getattr(value, name)) for name in _hints(cls)}


def _values(cls: Any, found: Json, what: str) -> dict[str, Any]:
    """The fields of a class from an object that has exactly these."""
    hints = _hints(cls)
    if not isinstance(found, dict) or found.keys() != hints.keys():
        raise ValueError(f"{what} has not exactly the fields {', '.join(sorted(hints))}")
    return {name: _value(hint, found[name], name) for name, hint in hints.items()}


def _value(hint: Any, found: Json, name: str) -> Any:
    try:
        return _READERS[hint](found)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _text(found: Json) -> str:
    if not isinstance(found, str):
        raise ValueError("this is not a text")
    return found


def _whole(found: Json) -> int:
    if type(found) is not int or found not in _INTEGERS:
        raise ValueError("this is not a whole number below 2^53")
    return found


def _flag(found: Json) -> bool:
    if not isinstance(found, bool):
        raise ValueError("this is neither true nor false")
    return found


def _list(found: Json) -> list[Json]:
    if not isinstance(found, list):
        raise ValueError("this is not a list")
    return found


def _event(found: Json) -> Event:
    if not isinstance(found, dict) or found.keys() != {"name", "data"}:
        raise ValueError("an event has exactly the fields data, name")
    cls = event_names().get(_text(found["name"]))
    if cls is None:
        raise ValueError("the event is not known here")
    event: Event = cls(**_values(cls, found["data"], name_of(cls)))
    return event


_READERS: Mapping[Any, Callable[[Json], object]] = {
    str: _text,
    int: _whole,
    bool: _flag,
    bytes: lambda found: bytes.fromhex(_text(found)),
    ActorType: lambda found: ActorType(_text(found)),
    Who: lambda found: Who(**_values(Who, found, "who")),
    tuple[LogLine, ...]: lambda found: tuple(
        LogLine(**_values(LogLine, item, "a line")) for item in _list(found)
    ),
    tuple[str, ...]: lambda found: tuple(_text(item) for item in _list(found)),
    tuple[bytes, ...]: lambda found: tuple(bytes.fromhex(_text(item)) for item in _list(found)),
    tuple[Event, ...]: lambda found: tuple(_event(item) for item in _list(found)),
}


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    """The type of each field."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}
