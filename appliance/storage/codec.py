"""Values of the core to the JSON kept in the database, and back.

Written by us and read by us, but parsed strictly all the same: a damaged row is an error, not a
job that does something else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from appliance.core.model import (
    AdminRequest,
    Asks,
    Attachment,
    Button,
    ButtonKind,
    Click,
    CommandRequest,
    Denied,
    Edited,
    FileKind,
    Incoming,
    IncomingFile,
    Markdown,
    Message,
    Millis,
    Oddity,
    Place,
    Platform,
    Program,
    Prompt,
    Rate,
    Reply,
    Request,
    Rich,
    Rule,
    RuleRate,
    Sender,
    Span,
    Style,
    ToolRequest,
    Urgency,
    Usage,
    Wording,
    Work,
)
from appliance.core.preferences import Language, Preferences, QuietHours, Verbosity
from appliance.core.proposals import Draft, Proposal, ProposalState, Wish


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def place_to_text(place: Place) -> str:
    return _dump([place.platform, place.chat, place.topic])


def place_from_text(text: str) -> Place:
    platform, chat, topic = json.loads(text)
    return Place(Platform(platform), chat, topic)


def sender_to_text(sender: Sender) -> str:
    return str(sender)


def sender_from_text(text: str) -> Sender:
    platform, _, sender_id = text.partition(":")
    return Sender(Platform(platform), sender_id)


def incoming_to_text(incoming: Incoming) -> str:
    """Key, sender, place and a new message's number have columns of their own."""
    content = {"sent_at": incoming.sent_at}
    match incoming:
        case Message(text=text, reply_to=reply_to, files=files):
            words = {"text": text, "reply_to": reply_to, "files": [asdict(file) for file in files]}
            return _dump(
                {"message": words, "called": incoming.called, "oddity": incoming.oddity, **content}
            )
        case Edited(text=text, message_id=message_id):
            return _dump({"edited": [message_id, text], **content})
        case Click(token=token, message_id=message_id):
            return _dump({"click": [message_id, token], **content})


def incoming_from_text(key: str, sender: str, place: str, message_id: str, text: str) -> Incoming:
    content = json.loads(text)
    who, where = sender_from_text(sender), place_from_text(place)
    at = Millis(content.pop("sent_at"))
    called = str(content.pop("called", ""))
    match content:
        case {"click": [str(under), str(token)]}:
            return Click(key, who, where, token, at, under)
        case {"edited": [str(changed), str(words)]}:
            return Edited(key, who, where, words, at, changed)
        case {
            "message": {"text": str(words), "reply_to": str(reply_to), "files": list(files)},
            "oddity": oddity,
        }:
            return Message(
                key,
                who,
                where,
                words,
                at,
                message_id=message_id,
                reply_to=reply_to,
                files=tuple(_file(file) for file in files),
                called=called,
                oddity=Oddity(oddity) if oddity else None,
            )
        case _:
            raise ValueError(f"unknown kind of message: {text[:60]}")


def files_to_text(files: Sequence[IncomingFile]) -> str:
    return _dump([asdict(file) for file in files])


def files_from_text(text: str) -> tuple[IncomingFile, ...]:
    return tuple(map(_file, json.loads(text)))


def _file(content: dict[str, Any]) -> IncomingFile:
    return IncomingFile(**{**content, "kind": FileKind(content["kind"])})


def preferences_to_text(preferences: Preferences) -> str:
    return _dump(asdict(preferences))


def preferences_from_text(text: str) -> Preferences:
    content = json.loads(text)
    quiet = content["quiet_hours"]
    return Preferences(
        language=Language(content["language"]) if content["language"] else None,
        zone=content["zone"],
        verbosity=Verbosity(content["verbosity"]),
        quiet_hours=QuietHours(**quiet) if quiet else None,
    )


def work_to_text(work: Work) -> str:
    return _dump({type(work).__name__: asdict(work)})


def work_from_text(text: str) -> Work:
    match json.loads(text):
        case {"Prompt": content}:
            return Prompt(**{**content, "files": tuple(map(_file, content["files"]))})
        case {"Program": content}:
            content["argv"] = tuple(content["argv"])
            content["ok_statuses"] = tuple(content["ok_statuses"])
            return Program(**content)
        case _:
            raise ValueError(f"unknown work: {text[:60]}")


def usage_to_text(usage: Usage) -> str:
    return _dump(asdict(usage))


def usage_from_text(text: str) -> Usage:
    return Usage(**json.loads(text))


def asks_to_text(asks: Asks) -> str:
    return _dump(asdict(asks))


def asks_from_text(text: str) -> Asks:
    content = json.loads(text)
    return Asks(
        rule=Rule(**content["rule"]),
        by=tuple(content["by"]),
        ttl_seconds=content["ttl_seconds"],
        reason=content["reason"],
        people=content["people"],
        job_wide=content["job_wide"],
        rates=tuple(
            RuleRate(Rule(**each["rule"]), Rate(**each["rate"])) for each in content["rates"]
        ),
        via=tuple(Platform(name) for name in content["via"]),
    )


def request_to_text(request: Request) -> str:
    return _dump({type(request).__name__: asdict(request)})


def request_from_text(text: str) -> Request:
    match json.loads(text):
        case {"CommandRequest": content}:
            return CommandRequest(**{**content, "via": Platform(content["via"])})
        case {"ToolRequest": content}:
            return ToolRequest(**{**content, "via": Platform(content["via"])})
        case {"AdminRequest": content}:
            return AdminRequest(**{**content, "via": Platform(content["via"])})
        case _:
            raise ValueError(f"unknown request: {text[:60]}")


def denied_to_text(denied: Denied) -> str:
    return _dump(asdict(denied))


def denied_from_text(text: str) -> Denied:
    content = json.loads(text)
    rule = Rule(**content["rule"]) if content["rule"] else None
    return Denied(rule, content["reason"])


def proposal_to_text(proposal: Proposal) -> str:
    return _dump(asdict(proposal))


def proposal_from_text(text: str) -> Proposal:
    content = json.loads(text)
    drafted = content.pop("draft")
    draft = Draft(
        policy_sha256=str(drafted["policy_sha256"]),
        added=tuple(drafted["added"]),
        removed=tuple(drafted["removed"]),
        meaning=tuple(drafted["meaning"]),
        warnings=tuple(drafted["warnings"]),
    )
    return Proposal(
        **{
            **content,
            "via": Platform(content["via"]),
            "state": ProposalState(content["state"]),
            "wish": Wish(**content["wish"]),
            "draft": draft,
        }
    )


def reply_to_text(reply: Reply) -> str:
    """Everything but the attachment's bytes, which have a column of their own."""
    assert not isinstance(reply.body, Wording), "a language is chosen before a reply is kept"
    assert reply.footer is None, "a reply is prepared before it is kept"
    content = asdict(reply)
    content["body"] = {type(reply.body).__name__: asdict(reply.body)}
    del content["footer"]  # part of the body since it was prepared
    file = reply.attachment
    content["attachment"] = [file.name, file.is_picture] if file else None
    return _dump(content)


def reply_from_text(text: str, attachment: bytes | None) -> Reply:
    content = json.loads(text)
    file = content["attachment"]
    return Reply(
        body=_body(content["body"]),
        buttons=tuple(tuple(_button(b) for b in row) for row in content["buttons"]),
        attachment=Attachment(file[0], attachment or b"", file[1]) if file else None,
        silent=content["silent"],
        answers=content["answers"],
        urgency=None if content["urgency"] is None else Urgency(content["urgency"]),
    )


def _body(content: dict[str, Any]) -> Rich | Markdown:
    match content:
        case {"Markdown": {"text": text}}:
            return Markdown(text)
        case {"Rich": {"text": text, "spans": spans}}:
            return Rich(text, tuple(_span(span) for span in spans))
        case _:
            raise ValueError("unknown kind of reply")


def _span(content: dict[str, Any]) -> Span:
    return Span(Style(content["style"]), content["start"], content["length"], content["value"])


def _button(content: dict[str, Any]) -> Button:
    return Button(content["label"], content["token"], ButtonKind(content["kind"]))
