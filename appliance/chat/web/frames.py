"""What travels on the page's WebSocket: JSON objects, one per frame.

From the page: `say`, `edit` and `click` (with an id of the page's own, so that a repetition is
known) and `earlier`. To the page: `words`, `hello`, `message`, `stored`, `refused`, `later`,
`toast`, `progress`, `notice`, `earliest`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.chat.web.transcript import Line
from appliance.chat.web.uploads import UPLOAD_ID, Upload
from appliance.chat.wellformed import well_formed
from appliance.core.model import Json, Millis, Post, Progress, Reply, Rich, Urgency

MAX_FRAME_BYTES = 200_000
"""Of one frame from the page; the page is told, and keeps to it."""

MAX_TOKEN_BYTES = 64
MAX_FILES = 100
MAX_NAME_CHARACTERS = 500
MAX_QUOTE_CHARACTERS = 140
_ID = re.compile(UPLOAD_ID)
_MESSAGE = re.compile(r"post-[0-9]{1,18}|said-[A-Za-z0-9_-]{8,64}")
_OWN_MESSAGE = re.compile(r"said-[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that was uploaded under this id, and what its sender calls it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Say:
    """A text, files, or both; neither is possible and for the caller to refuse.

    `reply_to` has the form of a message's id; whether there is such a message nobody has looked.
    """

    id: str
    text: str
    reply_to: str = ""
    files: tuple[Handed, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What an earlier message of the user's, `message`, says from now on."""

    id: str
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """A button, and under which message it is ("": not told)."""

    id: str
    token: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A wish for older messages than the one at this position."""

    position: int


Frame = Say | Change | Press | Earlier


def parse(text: str) -> Frame:
    """A frame from the page. Raises ValueError for anything that our page does not send."""
    frame = json.loads(text)
    match frame:
        case {"type": "say", "id": str(), "text": str(), **more} if more.keys() <= _MAY_SAY:
            reply_to = _matching(_MESSAGE, more["reply_to"]) if "reply_to" in more else ""
            handed = _files(more.get("files", []))
            return Say(_id(frame["id"]), well_formed(frame["text"]), reply_to, handed)
        case {"type": "edit", "id": str(), "message": own, "text": str(), **rest} if not rest:
            text = well_formed(frame["text"])
            return Change(_id(frame["id"]), _matching(_OWN_MESSAGE, own), text)
        case {"type": "click", "id": str(), "token": str(), **more} if more.keys() <= {"message"}:
            under = _matching(_MESSAGE, more["message"]) if more else ""
            return Press(_id(frame["id"]), _token(frame["token"]), under)
        case {"type": "earlier", "before": int(position), **rest} if not rest:
            return Earlier(_position(position))
    raise ValueError("unknown frame")


_MAY_SAY = {"reply_to", "files"}


def _files(value: object) -> tuple[Handed, ...]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise ValueError("files are a list, and not too many")
    return tuple(map(_handed, value))


def _handed(value: object) -> Handed:
    match value:
        case {"id": str() as upload, "name": str() as name, **rest} if not rest:
            if len(name) <= MAX_NAME_CHARACTERS:
                return Handed(_id(upload), well_formed(name))
    raise ValueError("a file has an id and a name")


def _matching(form: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError("no id of a message")
    return value


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
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


def said_payload(
    text: str, at: Millis, files: Sequence[tuple[Handed, Upload]], quoted: Line | None
) -> str:
    """What the user wrote, as a line of the transcript."""
    content: dict[str, Json] = {"text": text}
    if files:
        content["files"] = [
            {"id": handed.id, "name": handed.name, "size": there.size, "picture": there.is_picture}
            for handed, there in files
        ]
    return _json({"from": "user", "at": at, **content, **_quote(quoted)})


def changed_payload(line: Line, text: str) -> str:
    """What the user wrote, as it reads now."""
    return _json({**json.loads(line.payload), "text": text, "edited": True})


def is_users(line: Line) -> bool:
    return bool(json.loads(line.payload)["from"] == "user")


def marked_payload(line: Line, sign: str) -> str:
    """A line as it was, with a sign on it."""
    return _json({**json.loads(line.payload), "sign": sign})


def post_payload(post: Post, at: Millis, before: Line | None, quoted: Line | None) -> str:
    """What the appliance wrote. `post` is its number in the outbox, by which it is found again.

    `before`: what stood there until now. Its file stays if there is no other, and so does what it
    answers.
    """
    reply = post.reply
    assert isinstance(reply.body, Rich), "a post is prepared before it is sent"
    stays = json.loads(before.payload) if before else {}
    content: dict[str, Json] = {
        **{key: stays[key] for key in ("file", "quote") if key in stays},
        **_rich(reply.body),
        "buttons": _buttons(reply),
        "rings": not reply.silent,
        "urgent": post.urgency is Urgency.ANSWER,
        **_quote(quoted),
    }
    if reply.attachment:
        content["file"] = {
            "name": well_formed(reply.attachment.name),
            "size": len(reply.attachment.content),
            "picture": reply.attachment.is_picture,
        }
    return _json({"from": "appliance", "at": at, "post": post.id, **content})


def progress_frame(progress: Progress) -> str:
    """What a job does now; without a text: nothing any more."""
    content: dict[str, Json] = {"text": progress.text}
    if progress.reply is not None and isinstance(progress.reply.body, Rich):
        content = {**_rich(progress.reply.body), "buttons": _buttons(progress.reply)}
    return frame("progress", job=progress.job, post=progress.started_post, **content)


def _rich(body: Rich) -> dict[str, Json]:
    spans: list[Json] = [[span.style, span.start, span.length, span.value] for span in body.spans]
    return {"text": body.text, "spans": spans}


def _buttons(reply: Reply) -> list[Json]:
    return [
        [{"label": str(b.label), "token": b.token, "kind": b.kind} for b in row]
        for row in reply.buttons
    ]


def _quote(line: Line | None) -> dict[str, Json]:
    """The beginning of what a message answers, as one line."""
    if line is None:
        return {}
    said = json.loads(line.payload)
    files = ", ".join(str(file["name"]) for file in said.get("files", []))
    text = " ".join((said["text"] or files).split())
    if len(text) > MAX_QUOTE_CHARACTERS:
        text = f"{text[:MAX_QUOTE_CHARACTERS]}…"
    return {"quote": {"id": line.message_id, "text": text}}


def _json(value: Mapping[str, Json]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
