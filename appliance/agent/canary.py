"""The proof that both gates hold: the installed program is made to try what they must refuse.

A Messages API of our own on loopback plays the model: no login, no tokens, no network. First it
asks for a command that our hook refuses; then for one that the hook approves on the wire, while
the second gate remembers another input. Each command would leave a mark. The finding is good only
if the program asked us each time, and left no mark.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from appliance.agent.gates import StrictGates
from appliance.agent.program import Account, ClaudeProgram
from appliance.agent.session import Terms
from appliance.agent.stream import PermissionAsked
from appliance.agent.task_link import Secret
from appliance.core.model import (
    CONNECT,
    Ended,
    Isolation,
    JobId,
    Json,
    Limits,
    Proceed,
    Project,
    Prompt,
    Refuse,
    Task,
    ToolCall,
    ToolStarted,
    Verdict,
)
from appliance.errors import AgentFailed, SandboxRefused

SECONDS = 60
MAX_REQUEST = 16 * 1024 * 1024
FIRST, SECOND = "canary_hook", "canary_permission"
OTHER_INPUT: dict[str, Json] = {"command": "true"}
SHARED = 0o770
"""Where the program has a user of its own, the group of the project's directory has it, too."""
NOT_A_KEY = Secret("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", b"canary")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the test showed; `reason` when it did not pass."""

    version: str
    passed: bool
    reason: str = ""


@dataclass(slots=True)
class Observations:
    """What the program asked us."""

    version: str = ""
    hooked: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    ended: str = ""


async def fly(program: ClaudeProgram, project: Project) -> Finding:
    """Test the program in the directory of `project`. Takes about a second, never raises."""
    seen = Observations()
    try:
        with tempfile.TemporaryDirectory(dir=project.path) as directory:
            marks = _marks(Path(directory))
            # what the program keeps, in private directories of its user, is not ours to remove
            config = str(Path(project.path, "config"))
            async with _model(marks) as url:
                await _observe(program, project, Account(NOT_A_KEY, url, config), seen)
            left = [call for call, mark in marks.items() if mark.exists()]
    except (AgentFailed, SandboxRefused, OSError) as error:
        return Finding(seen.version, passed=False, reason=str(error))
    reason = _fault(seen, left)
    return Finding(seen.version, passed=not reason, reason=reason)


def _marks(directory: Path) -> dict[str, Path]:
    """The file that each call would make, where the agent's user may make one."""
    directory.chmod(SHARED)
    return {call: directory / call for call in (FIRST, SECOND)}


def _fault(seen: Observations, left: list[str]) -> str:
    if left or seen.started:
        return f"a command ran that was refused ({', '.join(left or seen.started)})"
    if seen.hooked != {FIRST, SECOND}:
        return f"its hook was not asked about every call: {seen.ended}"
    if seen.confirmed != {SECOND}:
        return f"its permission question did not come: {seen.ended}"
    return ""


async def _observe(
    program: ClaudeProgram, project: Project, account: Account, seen: Observations
) -> None:
    model = urlsplit(account.api_base_url or "")

    async def judge(call: ToolCall) -> Verdict:
        if call.tool == CONNECT:
            is_model = call.input == {"host": model.hostname, "port": model.port}
            return Proceed(call.input) if is_model else Refuse("this is a test")
        seen.hooked.add(call.id)
        return Refuse("this is a test") if call.id == FIRST else Proceed(call.input)

    # how strong the wall is does not matter to the gates
    limits = Limits(SECONDS, Isolation.NONE, project.ceiling)
    task = Task(JobId(0), project, Prompt("Please run the commands."), limits)
    terms = Terms(program.tools, SECONDS, hold=lambda _session: None)
    async with program.converse(task, judge, MistakenGates(seen), account, terms) as session:
        async for event in session.events():
            if isinstance(event, ToolStarted):
                seen.started.add(event.call.id)
            if isinstance(event, Ended):
                seen.ended = event.text
        seen.version = session.version


class MistakenGates:
    """Gate 2 as it is, with a memory of another input than gate 1 approved."""

    def __init__(self, seen: Observations) -> None:
        self._gates = StrictGates()
        self._seen = seen

    def remember(self, call: ToolCall, verdict: Verdict) -> None:
        if isinstance(verdict, Proceed):
            verdict = Proceed(OTHER_INPUT)
        self._gates.remember(call, verdict)

    def confirm(self, asked: PermissionAsked) -> ToolCall | None:
        self._seen.confirmed.add(asked.call_id)
        return self._gates.confirm(asked)


# --- the model


@asynccontextmanager
async def _model(marks: dict[str, Path]) -> AsyncIterator[str]:
    """A Messages API that asks for each marked command once, then is content."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = await request.text()
        wanted = next((call for call in marks if call not in asked), None)
        block = _text("done") if wanted is None else _call(wanted, marks)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in message_events([block], "claude-canary"):
            await response.write(event)
        return response

    application = web.Application(client_max_size=MAX_REQUEST)
    application.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _text(text: str) -> dict[str, Json]:
    return {"type": "text", "text": text}


def _call(call: str, marks: dict[str, Path]) -> dict[str, Json]:
    command = f"touch '{marks[call]}'"
    return {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}}


def message_events(blocks: list[dict[str, Json]], model: str) -> Iterator[bytes]:
    """The server-sent events of one message, each block in one piece."""
    stop_reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    usage: Json = {"input_tokens": 1, "output_tokens": 1}
    message: Json = {
        "id": "msg_canary",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield _event("message_start", message=message)
    for index, block in enumerate(blocks):
        empty, delta = _pieces(block)
        yield _event("content_block_start", index=index, content_block=empty)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    stop: Json = {"stop_reason": stop_reason, "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage=usage)
    yield _event("message_stop")


def _pieces(block: dict[str, Json]) -> tuple[Json, Json]:
    if block["type"] == "text":
        return _text(""), {"type": "text_delta", "text": block["text"]}
    arguments = json.dumps(block["input"])
    return block | {"input": {}}, {"type": "input_json_delta", "partial_json": arguments}


def _event(name: str, **data: Json) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
