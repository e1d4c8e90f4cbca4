"""Claude Code's JSON lines to our values, and our answers to its lines. Pure.

What the gates depend on is checked strictly: a question we cannot read is AgentFailed, and the
task ends. Everything else may grow: unknown kinds of lines are `Unremarkable`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.core.model import (
    Json,
    Proceed,
    Refuse,
    Said,
    TaskEvent,
    ToolCall,
    ToolFinished,
    Usage,
    Used,
    Verdict,
)
from appliance.errors import AgentFailed

GATE = "gate"
INITIALIZE = "initialize"
INTERRUPT = "interrupt"
APPROVAL_SECONDS = 24 * 3600
"""How long the hook waits for us; longer than any approval lives. A time-out refuses."""

OUTPUT_CHARACTERS = 4000
PLAN_NAME = re.compile(r"[A-Za-z0-9-]{1,100}\.md")
SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Object = Mapping[str, Json]


# --- what it says


@dataclass(frozen=True, slots=True)
class HookAsked:
    """Gate 1: may this call run? `is_plan_file`: it only works on the agent's notes of a plan."""

    request_id: str
    call: ToolCall
    is_plan_file: bool = False


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """Gate 2: this is about to run."""

    request_id: str
    call_id: str
    tool: str
    input: Object


@dataclass(frozen=True, slots=True)
class StrangeAsked:
    """A question we do not know: it is answered with an error."""

    request_id: str
    subtype: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The question needs no answer any more."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """To a question of ours; `error` is None when it worked."""

    request_id: str
    body: Object
    error: str | None


@dataclass(frozen=True, slots=True)
class Began:
    """A turn starts with these tools and servers."""

    session: str
    model: str
    tools: tuple[str, ...]
    servers: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said and which calls finished. `ToolFinished` comes for refused calls too."""

    events: tuple[TaskEvent, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """The model's API does not answer as it should; the CLI tries again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A message of ours has become part of a turn."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a turn. `subtype` says "success" for API failures too: `is_error` counts."""

    subtype: str
    is_error: bool
    text: str
    api_status: int | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class Unremarkable:
    """Nothing we act on."""


Line = (
    HookAsked
    | PermissionAsked
    | StrangeAsked
    | Withdrawn
    | Answered
    | Began
    | Heard
    | Trouble
    | Taken
    | Result
    | Unremarkable
)


def decode(line: bytes) -> Line:
    """Raises AgentFailed when the line is not JSON, or is a question we cannot read."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AgentFailed(f"the agent broke its protocol: {_shown(line)}") from error
    if not isinstance(found, dict):
        raise AgentFailed(f"the agent broke its protocol: {_shown(line)}")
    kind = found.get("type")
    decoder = _DECODERS.get(kind) if isinstance(kind, str) else None
    return decoder(found) if decoder else Unremarkable()


def _shown(line: bytes) -> str:
    return repr(line[:80].decode(errors="replace"))


def _control_request(found: Object) -> Line:
    request_id, request = _text(found, "request_id"), _object(found, "request")
    match request.get("subtype"):
        case "hook_callback":
            return HookAsked(request_id, _hook(request), _is_plan_file(request))
        case "can_use_tool":
            return PermissionAsked(
                request_id,
                _text(request, "tool_use_id"),
                _text(request, "tool_name"),
                _object(request, "input"),
            )
        case subtype:
            return StrangeAsked(request_id, str(subtype)[:80])


def _hook(request: Object) -> ToolCall:
    hook = _object(request, "input")
    if request.get("callback_id") != GATE or hook.get("hook_event_name") != "PreToolUse":
        raise AgentFailed("the agent asked a hook that we did not declare")
    return ToolCall(
        id=_text(hook, "tool_use_id"),
        tool=_text(hook, "tool_name"),
        input=_object(hook, "tool_input"),
        cwd=_text(hook, "cwd"),
    )


def _is_plan_file(request: Object) -> bool:
    """Whether the call is about a file of `plans` beside the transcripts, by its plain name.

    The program names such a file to an agent that plans, and shows it when the plan is ready.
    """
    hook = _object(request, "input")
    may_write = hook.get("permission_mode") == "plan"
    if hook.get("tool_name") not in (("Read", "Write", "Edit") if may_write else ("Read",)):
        return False
    own, _, transcript = str(hook.get("transcript_path", "")).partition("/projects/")
    path = _object(hook, "tool_input").get("file_path")
    if not own.startswith("/") or not transcript or not isinstance(path, str):
        return False
    return path.startswith(f"{own}/plans/") and bool(
        PLAN_NAME.fullmatch(path.removeprefix(f"{own}/plans/"))
    )


def _control_response(found: Object) -> Line:
    response = _object(found, "response")
    failed = response.get("subtype") != "success"
    body = response.get("response")
    return Answered(
        _text(response, "request_id"),
        body if isinstance(body, dict) else {},
        str(response.get("error", "no reason given")) if failed else None,
    )


def _system(found: Object) -> Line:
    match found.get("subtype"):
        case "init":
            return _began(found)
        case "api_retry":
            status, error = found.get("error_status"), found.get("error")
            return Trouble(f"the model's API answers {status or 'nothing'} ({error})")
        case _:
            return Unremarkable()


def _began(found: Object) -> Began:
    session, servers = _text(found, "session_id"), found.get("mcp_servers")
    tools = found.get("tools")
    if not SESSION.fullmatch(session):
        raise AgentFailed(f"the agent named a session that is none: {session[:80]!r}")
    if not isinstance(tools, list) or not isinstance(servers, list):
        raise AgentFailed("the agent did not say which tools and servers it has")
    names = tuple(str(tool) for tool in tools)
    return Began(session, _text(found, "model"), names, len(servers))


def _assistant(found: Object) -> Line:
    used = _used(found)
    # a sub-agent talks to its agent, not to the person
    if found.get("parent_tool_use_id") is not None:
        return Heard(used)
    texts = (_plain(block.get("text")) for block in _blocks(found) if block.get("type") == "text")
    return Heard((*(Said(text) for text in texts if text.strip()), *used))


def _used(found: Object) -> tuple[Used, ...]:
    """What this answer of the model took; each of its blocks comes in a line that says so."""
    match found.get("message"):
        case {"id": str(answer), "usage": dict(counts)}:
            return (Used(answer, _usage({"usage": counts})),)
        case _:
            return ()


def _user(found: Object) -> Line:
    return Heard(
        tuple(
            ToolFinished(
                call_id=_text(block, "tool_use_id"),
                is_error=block.get("is_error") is True,
                output=_shortened(_plain(block.get("content"))),
            )
            for block in _blocks(found)
            if block.get("type") == "tool_result"
        )
    )


def _blocks(found: Object) -> list[Object]:
    content = _object(found, "message").get("content")
    if not isinstance(content, list):  # a plain text: what a person said
        return []
    return [block for block in content if isinstance(block, dict)]


def _lifecycle(found: Object) -> Line:
    if found.get("state") in ("started", "completed"):
        return Taken(_text(found, "command_uuid"))
    return Unremarkable()


def _result(found: Object) -> Line:
    errors = found.get("errors")
    said = found.get("result") or (errors if isinstance(errors, list) else "")
    status = found.get("api_error_status")
    return Result(
        subtype=_text(found, "subtype"),
        is_error=found.get("is_error") is not False,
        text=_plain(said).strip(),
        api_status=status if isinstance(status, int) else None,
        usage=_usage(found),
    )


def _usage(found: Object) -> Usage:
    tokens = found.get("usage")
    counts = tokens if isinstance(tokens, dict) else {}
    cost = found.get("total_cost_usd")
    kinds = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Usage(
        cost_microdollars=round(cost * 1_000_000) if isinstance(cost, int | float) else 0,
        input_tokens=sum(_count(counts, kind) for kind in kinds),
        output_tokens=_count(counts, "output_tokens"),
        turns=_count(found, "num_turns"),
        duration_ms=_count(found, "duration_ms"),
    )


def _count(found: Object, key: str) -> int:
    value = found.get(key)
    return value if isinstance(value, int) else 0


def _text(found: Object, key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str):
        raise AgentFailed(f"the agent broke its protocol: {key} is missing")
    return value


def _object(found: Object, key: str) -> dict[str, Json]:
    value = found.get(key)
    if not isinstance(value, dict):
        raise AgentFailed(f"the agent broke its protocol: {key} is missing")
    return value


def _plain(content: Json) -> str:
    """The text of a string, or of a list of strings and text blocks; others are named."""
    if isinstance(content, list):
        return "\n".join(_plain(part) for part in content)
    if isinstance(content, dict):
        return _plain(content.get("text") or f"[{content.get('type', 'data')}]")
    # lone surrogates pass JSON, and nothing after it
    return "" if content is None else str(content).encode(errors="replace").decode()


def _shortened(text: str) -> str:
    """Beginning and end: how a command went is said at its end."""
    left_out = len(text) - OUTPUT_CHARACTERS
    if left_out <= 0:
        return text
    half = OUTPUT_CHARACTERS // 2
    return f"{text[:half]}\n… ({left_out} more characters) …\n{text[-half:]}"


_DECODERS: Mapping[str, Callable[[Object], Line]] = {
    "control_request": _control_request,
    "control_cancel_request": lambda found: Withdrawn(_text(found, "request_id")),
    "control_response": _control_response,
    "system": _system,
    "assistant": _assistant,
    "user": _user,
    "command_lifecycle": _lifecycle,
    "result": _result,
}


# --- what we say


def initialize() -> bytes:
    """Our first line: declares gate 1."""
    hook: Json = {
        "matcher": None,
        "hookCallbackIds": [GATE],
        "timeout": APPROVAL_SECONDS,
        "onFailure": "block",
    }
    return _request(INITIALIZE, {"subtype": "initialize", "hooks": {"PreToolUse": [hook]}})


def interrupt() -> bytes:
    """Asks it to end the turn now."""
    return _request(INTERRUPT, {"subtype": "interrupt"})


def user_message(text: str, message_id: str) -> bytes:
    """A prompt or a steering message; `Taken` tells when it has become part of a turn.

    `client_composed`: nothing in it is a command, and no @path attaches a file.
    """
    return _line(
        {
            "type": "user",
            "uuid": message_id,
            "client_composed": True,
            "parent_tool_use_id": None,
            "message": {"role": "user", "content": text},
        }
    )


def hook_answer(asked: HookAsked, verdict: Verdict) -> bytes:
    """Gate 1's answer."""
    decision: dict[str, Json] = {"hookEventName": "PreToolUse"}
    match verdict:
        case Proceed(input=final):
            decision |= {"permissionDecision": "allow", "updatedInput": dict(final)}
        case Refuse(reason=reason):
            decision |= {"permissionDecision": "deny", "permissionDecisionReason": reason}
    return _response(asked.request_id, {"hookSpecificOutput": decision})


def permission_granted(asked: PermissionAsked, call: ToolCall) -> bytes:
    """Gate 2 agrees: the call runs with the input that it has here."""
    return _response(asked.request_id, {"behavior": "allow", "updatedInput": dict(call.input)})


def permission_denied(asked: PermissionAsked) -> bytes:
    """Gate 2 refuses, and ends the turn: somebody changed a call after it was approved."""
    return _response(
        asked.request_id,
        {
            "behavior": "deny",
            "message": "blocked: not the call that was approved",
            "interrupt": True,
        },
    )


def error_answer(asked: StrangeAsked) -> bytes:
    """To a question we do not know."""
    return _line(
        {
            "type": "control_response",
            "response": {
                "subtype": "error",
                "request_id": asked.request_id,
                "error": f"unsupported: {asked.subtype}",
            },
        }
    )


def _request(request_id: str, request: Json) -> bytes:
    return _line({"type": "control_request", "request_id": request_id, "request": request})


def _response(request_id: str, body: Json) -> bytes:
    response: Json = {"subtype": "success", "request_id": request_id, "response": body}
    return _line({"type": "control_response", "response": response})


def _line(message: Json) -> bytes:
    return json.dumps(message).encode() + b"\n"
