"""An event and its place in the log, as one byte string and back.

The bytes are canonical JSON (the subset of RFC 8785 without floats: ASCII keys in order, whole
numbers below 2^53, no blanks), because a record is what is hashed and signed: one record has one
encoding, and the decoder refuses every other. Keys are short because every record carries them:

    v log seq t mono boot kind actor{type,id,auth} session cause[] outcome d{} c{} prev

`d` holds the event's public fields, `c` a commitment for each private one, whose value and salt
lie beside the record: they can be destroyed later, and the record still verifies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from appliance.core.events import ActorType, Event, FieldValue, Who
from appliance.core.model import Json, Millis
from appliance.core.redact import redact

VERSION = 1
MAX_RECORD_BYTES = 65_535  # what an entry of C2SP tlog-tiles can hold
SALT_BYTES = 32
NO_PREVIOUS = bytes(32)

_TEXT_CHARS = 8_192  # a public field
_VALUE_CHARS = 65_536  # a private one
_ID_CHARS = 256  # ids, causes: enough for all we make; bounded because some come from outside
_CAUSES = 16
_MARGIN_CHARS = 16_384  # read past a limit, so that no secret is cut in two before it is seen
READ_CHARS = _VALUE_CHARS + _MARGIN_CHARS + 1
"""Of a text; what comes after them makes no difference to a draft."""

_DRAFT_BYTES = MAX_RECORD_BYTES - 2_048  # the rest is for its place in the log
_CUT = "… [cut]"
_LEAF = sha256(b"\x00")
_COMMITMENT = sha256(b"\x02")
_INTEGERS = range(-(2**53) + 1, 2**53)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_KIND = re.compile(r"[a-z]+\.[a-z_]+", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Outcome(StrEnum):
    """How it went, in one word to search for."""

    ALLOWED = "allowed"
    ASKED = "asked"
    DENIED = "denied"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # the effect may or may not have happened
    NOTED = "noted"  # a fact without success or failure


_OUTCOMES = {
    "allowed": Outcome.ALLOWED,
    "given": Outcome.ALLOWED,
    "asked": Outcome.ASKED,
    "denied": Outcome.DENIED,
    "refused": Outcome.DENIED,
    "expired": Outcome.DENIED,
    "ignored": Outcome.DENIED,
    "finished": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "rejected": Outcome.FAILED,
    "timed_out": Outcome.FAILED,
    "cancelled": Outcome.CANCELLED,
    "interrupted": Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A private field's text with the salt that keeps its commitment from being guessed."""

    name: str
    salt: bytes
    text: str

    @property
    def commitment(self) -> bytes:
        return commitment(self.salt, self.text.encode())


@dataclass(frozen=True, slots=True)
class Draft:
    """An event ready to be recorded: secrets taken out, long texts cut, private fields apart.

    `parts` is its encoding, with gaps where its place in the log goes: see `chain`.
    """

    kind: str
    parts: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the log. `seq` counts from 1; `previous` is the hash of the entry before.

    `log` is the origin of the log; `mono` is milliseconds of a clock that nobody can set, which
    starts anew with each `boot`.
    """

    log: str
    seq: int
    time: Millis
    mono: int
    boot: str
    kind: str
    actor: Who
    session: str
    cause: tuple[str, ...]
    outcome: Outcome
    data: Mapping[str, FieldValue]
    commitments: Mapping[str, bytes]
    previous: bytes


def leaf_hash(encoded: bytes) -> bytes:
    """The RFC 6962 hash of a record's bytes as a leaf."""
    hashed = _LEAF.copy()  # half the time of beginning a new one
    hashed.update(encoded)
    return hashed.digest()


def commitment(salt: bytes, value: bytes) -> bytes:
    """What a record holds instead of a private value."""
    hashed = _COMMITMENT.copy()
    hashed.update(salt + value)
    return hashed.digest()


def outcome_of(kind: str, data: Mapping[str, FieldValue]) -> Outcome:
    """The outcome an event stands for: by its fields where they tell, else by its name."""
    if data.get("is_error") is True or data.get("passed") is False:
        return Outcome.FAILED
    if data.get("passed") is True:
        return Outcome.SUCCEEDED
    return _OUTCOMES.get(kind.partition(".")[2], Outcome.NOTED)


def draft(event: Event, salt: Callable[[], bytes]) -> Draft:
    """Prepare an event. `salt` gives `SALT_BYTES` unpredictable bytes at each call.

    Raises ValueError when a field cannot be recorded: not a text, whole number below 2^53,
    truth value or tuple of texts.
    """
    kind, public, private = event.name, event.data(), event.secrets()
    clean = _cut if _is_harmless(event.cause, public, private) else _clean
    data = {name: _clean_field(name, value, clean) for name, value in public.items()}
    values = tuple(
        Value(name, salt(), _encodable(clean(text, _VALUE_CHARS))) for name, text in private.items()
    )
    session = data.pop("session", "")
    about: dict[str, object] = {
        "actor": _actor(event.who),
        "c": {value.name: value.commitment.hex() for value in values},
        "cause": [clean(cause, _ID_CHARS) for cause in event.cause[:_CAUSES]],
        "d": data,
        "kind": kind,
    }
    ends = (
        f',"outcome":"{outcome_of(kind, data)}","prev":"',
        f',"session":{_dumps(_cut(str(session), _ID_CHARS))},"t":',
    )
    return Draft(kind, _parts_within_limit(about, data, ends), values)


def chain(
    drafts: Sequence[Draft], log: str, boot: str, time: Millis, mono: int, seq: int, previous: bytes
) -> list[tuple[int, bytes, bytes]]:
    """The drafts as records of one moment, the first one number `seq`: number, bytes and hash.

    The same bytes as `encode` makes of a `Record`, without making one.
    """
    here = _dumps(boot)
    then = f'{_dumps(log)},"mono":{mono}'
    end = f'{time},"v":{VERSION}}}'
    rows = []
    for number, item in enumerate(drafts, seq):
        actor, about, outcome, session = item.parts
        encoded = (
            f'{actor}{here}{about}{then}{outcome}{previous.hex()}","seq":{number}{session}{end}'
        ).encode()
        previous = leaf_hash(encoded)
        rows.append((number, encoded, previous))
    return rows


def encode(record: Record) -> bytes:
    """The one byte string of a record."""
    text = _dumps(
        {
            "v": VERSION,
            "log": record.log,
            "seq": record.seq,
            "t": record.time,
            "mono": record.mono,
            "boot": record.boot,
            "kind": record.kind,
            "actor": {
                "type": record.actor.type,
                "id": record.actor.id,
                "auth": record.actor.auth,
            },
            "session": record.session,
            "cause": record.cause,
            "outcome": record.outcome,
            "d": record.data,
            "c": {name: digest.hex() for name, digest in record.commitments.items()},
            "prev": record.previous.hex(),
        }
    )
    return _encodable_json(text).encode()


def decode(encoded: bytes) -> Record:
    """Read a record back. Raises ValueError for everything `encode` would not have written."""
    if len(encoded) > MAX_RECORD_BYTES:
        raise ValueError(f"a record has at most {MAX_RECORD_BYTES} bytes, this has {len(encoded)}")
    record = _record(_loads(encoded))
    if encode(record) != encoded:
        raise ValueError("the record is not in canonical form")
    return record


# --- cleaning what goes in


def _is_harmless(
    cause: Iterable[str], public: Mapping[str, FieldValue], private: Mapping[str, str]
) -> bool:
    """Whether there is no secret in any text: most often one look at all of them tells.

    The patterns take NUL for the end of a word, so what they find in one text they find here.
    """
    texts = [*cause, *private.values()]
    for value in public.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, tuple):
            texts += value
    together = "\0".join(texts)
    return len(together) <= _MARGIN_CHARS and redact(together) == together


def _actor(who: Who) -> dict[str, str]:
    return {"auth": _cut(who.auth, _ID_CHARS), "id": _cut(who.id, _ID_CHARS), "type": who.type}


def _clean_field(name: str, value: FieldValue, clean: Callable[[str, int], str]) -> FieldValue:
    if isinstance(value, str):
        return clean(value, _TEXT_CHARS)
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise ValueError(f"{name} is beyond 2^53")
        return value
    return tuple(clean(item, _TEXT_CHARS) for item in value)


def _encodable(text: str) -> str:
    # a lone surrogate is no UTF-8; its escape is, and shows what was there
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _clean(text: str, limit: int) -> str:
    seen = redact(text[: limit + _MARGIN_CHARS])
    return _cut(seen, limit) if len(text) <= limit + _MARGIN_CHARS else seen[:limit] + _CUT


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + _CUT


def _shorten(value: FieldValue, limit: int) -> FieldValue:
    if isinstance(value, str):
        return _cut(value, limit)
    if isinstance(value, tuple):
        return tuple(_cut(item, limit) for item in value[: limit + 1])
    return value


# --- bytes

_dumps = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def _parts_within_limit(
    about: dict[str, object], data: Mapping[str, FieldValue], ends: tuple[str, str]
) -> tuple[str, ...]:
    """The parts of a draft; the longest public texts cut further where it would be too large."""
    limit = _TEXT_CHARS
    while _size(parts := _parts(about, ends)) > _DRAFT_BYTES and limit:
        limit //= 2
        about["d"] = {name: _shorten(value, limit) for name, value in data.items()}
    return parts


def _parts(about: Mapping[str, object], ends: tuple[str, str]) -> tuple[str, ...]:
    """Canonical JSON in four parts: between them go boot; log and mono; prev and seq; t and v."""
    # no text can hold this mark: in a text every quotation mark has a backslash before it
    actor, mark, rest = _dumps(about).partition(',"c":{')
    parts = (f'{actor},"boot":', f'{mark}{rest[:-1]},"log":', *ends)
    return parts if all(map(str.isascii, parts)) else tuple(map(_encodable_json, parts))


def _size(parts: Iterable[str]) -> int:
    return len("".join(parts).encode())


def _encodable_json(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _escape_surrogates(text)
    return text


def _escape_surrogates(text: str) -> str:
    # two halves that happen to meet are one character, as they would be after reading them back
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", joined)


def _loads(encoded: bytes) -> dict[str, Json]:
    try:
        value = json.loads(encoded.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the record is not JSON: {error}") from error
    return _object(value, "record", _RECORD_KEYS)


_ACTOR_KEYS = frozenset(("type", "id", "auth"))
_PLACE_KEYS = frozenset(("v", "log", "seq", "t", "mono", "boot", "prev"))
_EVENT_KEYS = frozenset(("kind", "actor", "session", "cause", "outcome", "d", "c"))
_RECORD_KEYS = _PLACE_KEYS | _EVENT_KEYS


def _record(fields: Mapping[str, Json]) -> Record:
    if _integer(fields, "v") != VERSION:
        raise ValueError(f"version {fields['v']} of the record format is not known here")
    actor = _object(fields["actor"], "actor", _ACTOR_KEYS)
    return Record(
        log=_text(fields, "log"),
        seq=_integer(fields, "seq"),
        time=Millis(_integer(fields, "t")),
        mono=_integer(fields, "mono"),
        boot=_text(fields, "boot"),
        kind=_matching(fields, "kind", _KIND),
        actor=Who(ActorType(_text(actor, "type")), _text(actor, "id"), _text(actor, "auth")),
        session=_text(fields, "session"),
        cause=_texts(fields["cause"], "cause"),
        outcome=Outcome(_text(fields, "outcome")),
        data={name: _field(value, name) for name, value in _named(fields, "d").items()},
        commitments={name: _digest(value, name) for name, value in _named(fields, "c").items()},
        previous=bytes.fromhex(_matching(fields, "prev", _HASH)),
    )


def _object(value: Json, what: str, keys: frozenset[str]) -> dict[str, Json]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise ValueError(f"the {what} has not exactly the fields {', '.join(sorted(keys))}")
    return value


def _named(fields: Mapping[str, Json], key: str) -> dict[str, Json]:
    value = fields[key]
    if not isinstance(value, dict) or not all(_KEY.fullmatch(name) for name in value):
        raise ValueError(f"{key} is not an object with plain names")
    return value


def _integer(fields: Mapping[str, Json], key: str) -> int:
    value = fields[key]
    if type(value) is not int or value not in _INTEGERS:
        raise ValueError(f"{key} is not a whole number below 2^53")
    return value


def _text(fields: Mapping[str, Json], key: str) -> str:
    value = fields[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a text")
    return value


def _texts(value: Json, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is not a list of texts")
    texts = tuple(item for item in value if isinstance(item, str))
    if len(texts) != len(value):
        raise ValueError(f"{what} is not a list of texts")
    return texts


def _matching(fields: Mapping[str, Json], key: str, pattern: re.Pattern[str]) -> str:
    value = _text(fields, key)
    if not pattern.fullmatch(value):
        raise ValueError(f"{key} is malformed")
    return value


def _field(value: Json, name: str) -> FieldValue:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return _integer({name: value}, name)
    return _texts(value, name)


def _digest(value: Json, name: str) -> bytes:
    return bytes.fromhex(_matching({name: value}, name, _HASH))
