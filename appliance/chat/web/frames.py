"""What travels on the page's WebSocket: JSON objects, one per frame.

From the page: `say` and `click` (with an id of the page's own, so that a repetition is known) and
`earlier`. To the page: `hello`, `message`, `stored`, `refused`, `later`, `toast`, `progress`,
`notice`, `earliest`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.chat.web.transcript import Line
from appliance.chat.wellformed import well_formed
from appliance.core.model import Json, Millis, Post, Rich

MAX_FRAME_BYTES = 200_000
"""Of one frame from the page; the page is told, and keeps to it."""

MAX_TOKEN_BYTES = 64


@dataclass(frozen=True, slots=True)
class Say:
    """A text; "" is possible and for the caller to refuse."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """A button."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A wish for older messages than the one at this position."""

    position: int


Frame = Say | Press | Earlier


def parse(text: str) -> Frame:
    """A frame from the page. Raises ValueError for anything that our page does not send."""
    frame = json.loads(text)
    match frame:
        case {"type": "say", "id": str(), "text": str(), **rest} if not rest:
            return Say(_id(frame["id"]), well_formed(frame["text"]))
        case {"type": "click", "id": str(), "token": str(), **rest} if not rest:
            return Press(_id(frame["id"]), _token(frame["token"]))
        case {"type": "earlier", "before": int(position), **rest} if not rest:
            return Earlier(_position(position))
    raise ValueError("unknown frame")


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", text):
        raise ValueError("an id has 8 to 64 letters, digits, _ or -")
    return text


def _token(text: str) -> str:
    if not 0 < len(text.encode()) <= MAX_TOKEN_BYTES:
        raise ValueError("a token has 1 to 64 bytes")
    return text


def _position(number: int) -> int:
    if not 0 <= number < 2**62:
        raise ValueError("no such position")
    return number


def message_frame(line: Line, *, is_history: bool = False) -> str:
    """A line of the transcript for the page. `is_history`: it came because older ones were due."""
    place = {"seq": line.seq, "position": line.position, "history": is_history}
    return _json({"type": "message", "id": line.message_id, **place, **json.loads(line.payload)})


def frame(kind: str, **fields: Json) -> str:
    """Any other frame."""
    return _json({"type": kind, **fields})


def said_payload(text: str, at: Millis) -> str:
    """What the user wrote, as a line of the transcript."""
    return _json({"from": "user", "at": at, "text": text})


def marked_payload(line: Line, sign: str) -> str:
    """A line as it was, with a sign on it."""
    return _json({**json.loads(line.payload), "sign": sign})


def post_payload(post: Post, at: Millis) -> str:
    """What the appliance wrote. `post` is its number in the outbox, by which it is found again."""
    body, attachment = post.reply.body, post.reply.attachment
    assert isinstance(body, Rich), "a post is prepared before it is sent"
    spans: list[Json] = [[span.style, span.start, span.length, span.value] for span in body.spans]
    buttons: list[Json] = [
        [{"label": str(b.label), "token": b.token, "kind": b.kind} for b in row]
        for row in post.reply.buttons
    ]
    content: dict[str, Json] = {"text": body.text, "spans": spans, "buttons": buttons}
    if attachment:
        content["file"] = {
            "name": well_formed(attachment.name),
            "size": len(attachment.content),
            "picture": attachment.is_picture,
        }
    return _json({"from": "appliance", "at": at, "post": post.id, **content})


def _json(value: Mapping[str, Json]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
