"""What the records say, and whether it can be so: form, place, values, time, consent.

Each record must be canonical and name its own number, its log and the hash before it. Private
values must be the committed ones, or a record must say that they were destroyed. Oddities that
prove nothing, such as a clock that was set back, are remarked.

Most records are only recognised by their shape, because a million of them pass by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from appliance.audit.consent import Consent, Data, Handler
from appliance.audit.structure import Fault, Row
from appliance.core.events import (
    AnchorPosted,
    KeyRotated,
    RecordRedacted,
    RequestAllowed,
    name_of,
)
from appliance.core.records import NO_PREVIOUS, Record, commitment, decode
from appliance.core.shapes import Seen, Shapes, link

SILENCE_HOURS = 2  # a writer that has nothing to write says so every hour
MAX_REMARKS = 20  # of one kind

Value = tuple[int, bytes, bytes, bytes]
"""Record, name, salt and text of a private value."""

RootAt = Callable[[int], bytes | None]
"""The stored root of the tree of so many records, if one is stored."""

_SILENCE_MILLIS = SILENCE_HOURS * 3_600_000
_ROTATED = name_of(KeyRotated)
_ALLOWED = name_of(RequestAllowed)
_json_at = json.JSONDecoder().raw_decode
_NO_VALUE: Value = (0, b"", b"", b"")
_NO_MOMENT = ("", "0", "0")  # no record has it: its boot would be in quotes


class Content:
    """What was read so far.

    `values` are all private values in order of record and name; `keeps_epoch` tells whether a
    checkpoint is stored because the key changed after this record.
    """

    def __init__(
        self,
        origin: str,
        values: Iterator[Value],
        keeps_epoch: Callable[[int], bool],
        root_at: RootAt,
    ) -> None:
        self.consent = Consent()
        self._origin = origin
        self._values = values
        self._value = next(values, None)
        self._keeps_epoch = keeps_epoch
        self._root_at = root_at
        self._shapes = Shapes()
        self._previous = NO_PREVIOUS
        self._moment = _NO_MOMENT
        self._last_kind = ""
        self._missing: dict[tuple[int, str], None] = {}
        self._redacted: set[tuple[int, str]] = set()
        self._remarks: dict[str, list[str]] = {}
        self._handlers: Mapping[str, Handler] = {
            _ROTATED: self._rotated,
            name_of(RecordRedacted): self._was_redacted,
            name_of(AnchorPosted): self._posted,
            **self.consent.handlers,
        }

    @property
    def redacted(self) -> int:
        """How many values were destroyed, and a record says so."""
        return len(self._redacted)

    def read(self, rows: Sequence[Row]) -> None:
        """Take more rows, whose hashes are right. Raises Fault."""
        see, handlers, consent = self._shapes.see, self._handlers, self.consent
        previous = self._previous
        for seq, encoded, leaf, _, _ in rows:
            if encoded is None:
                self._skip()
            else:
                text, kind, names, parts = see(encoded) or self._decoded(seq, encoded)
                boot, *commitments, mono, place, time = parts
                if place != link(previous, seq):
                    raise _misplaced(seq, decode(encoded))
                if names:
                    self._check_values(seq, names, commitments)
                if self._moment != (boot, mono, time):
                    self._watch_clock(seq, kind, boot, mono, time)
                self._last_kind = kind
                if kind in handlers and (kind != _ALLOWED or consent.concerns(text)):
                    data, _ = _json_at(text, text.index('"d":{') + 4)
                    handlers[kind](seq, data, text)
            previous = leaf
        self._previous = previous

    def end(self, bound: int) -> None:
        """There are no more rows, and up to `bound` they may have been pruned.

        Raises Fault for values that nothing accounts for.
        """
        for seq, name in self._missing:
            if (seq, name) not in self._redacted:
                raise Fault(seq, f"the value of {name} was removed, and no record says so")
        if self._value is not None:
            raise Fault(self._value[0], _STRAY)
        for seq, name in sorted(self._redacted - self._missing.keys()):
            if seq > bound:
                self._remark("kept", f"{name} of record {seq} was redacted, and is still there")

    def remarks(self) -> Iterator[str]:
        for group in self._remarks.values():
            yield from group[:MAX_REMARKS]
            if len(group) > MAX_REMARKS:
                yield f"the same {len(group) - MAX_REMARKS} more times"

    # --- each record

    def _decoded(self, seq: int, encoded: bytes) -> Seen:
        """What a record is whose shape is not known yet."""
        try:
            record = decode(encoded)
        except ValueError as error:
            raise Fault(seq, f"the record cannot be read: {error}") from error
        if record.log != self._origin:
            raise Fault(seq, f"the record belongs to the log {record.log}")
        return self._shapes.learn(record)

    def _skip(self) -> None:
        """A record that was pruned: whatever it told is unknown."""
        self.consent.is_partial = True
        self._moment = _NO_MOMENT

    def _watch_clock(self, seq: int, kind: str, boot: str, mono: str, time: str) -> None:
        last_boot, last_mono, last_time = self._moment
        if int(time) < int(last_time):
            back = timedelta(milliseconds=int(last_time) - int(time))
            self._remark("clock", f"the clock was set back by {back} before record {seq}")
        if boot == last_boot:
            silence = int(mono) - int(last_mono)
            if silence < 0:
                self._remark("mono", f"time that cannot be set ran backwards at record {seq}")
            # a log that was closed ends with a hand-over of keys, and begins again with one
            elif silence > _SILENCE_MILLIS and (kind, self._last_kind) != (_ROTATED, _ROTATED):
                self._remark("ticks", _silent(seq, silence))
        self._moment = (boot, mono, time)

    def _remark(self, group: str, remark: str) -> None:
        self._remarks.setdefault(group, []).append(remark)

    def _check_values(self, seq: int, names: Sequence[bytes], commitments: Sequence[str]) -> None:
        for name, committed in zip(names, commitments, strict=True):
            at, stored, salt, text = self._value or _NO_VALUE
            if (at, stored) == (seq, name):
                if commitment(salt, text).hex() != committed:
                    raise Fault(
                        seq, f"the value of {name.decode()} is not the one that was recorded"
                    )
                self._value = next(self._values, None)
            elif self._value is not None and (at, stored) < (seq, name):
                raise Fault(at, _STRAY)
            else:
                self._missing[seq, name.decode()] = None

    # --- records that tell of the log itself

    def _rotated(self, seq: int, data: Data, _: str) -> None:
        if not self._keeps_epoch(seq):
            raise Fault(seq, "the stored checkpoints do not tell when keys changed")

    def _was_redacted(self, seq: int, data: Data, _: str) -> None:
        of, name = data.get("seq"), data.get("field")
        if isinstance(of, int) and isinstance(name, str) and of < seq:
            self._redacted.add((of, name))

    def _posted(self, seq: int, data: Data, _: str) -> None:
        size, root = data.get("size"), data.get("root")
        known = self._root_at(size) if isinstance(size, int) and size < seq else None
        if known is not None and known.hex() != root:
            raise Fault(seq, f"another checkpoint of {size} records was posted than was signed")


_STRAY = "there are private values that no record commits to"


def _misplaced(seq: int, record: Record) -> Fault:
    if record.seq != seq:
        return Fault(seq, f"the record in this place is number {record.seq}")
    return Fault(seq, "the record does not follow the one before it")


def _silent(seq: int, silence: int) -> str:
    return (
        f"for {silence / 3_600_000:.1f} hours before record {seq} there is not even a tick: "
        f"the writer was stopped, or records were removed"
    )
