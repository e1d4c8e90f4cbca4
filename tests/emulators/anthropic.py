"""The far side of Claude Code: a Messages API on loopback that says what a test tells it to.

    async with Anthropic(Turn(calls=(Call("Bash", {"command": "id"}),)), Turn("done")) as api:
        ... run the CLI against api.url ...
        assert "id" in api.requests[0].text

For each request the first turn that is not used up and whose `when` holds answers; when there is
none, the answer is "ok". The CLI adds messages of role system after the user's: they are not "the
last one".
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

from aiohttp import web

MAX_REQUEST = 64 * 1024 * 1024
DELTA = 24


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call the model wants; `id` is made up when not given."""

    tool: str
    input: dict[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class ApiError:
    """An HTTP error instead of an answer."""

    status: int
    type: str = "api_error"
    message: str = "emulated"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the CLI."""

    body: dict[str, Any]
    key: str = field(repr=False)

    @property
    def text(self) -> str:
        """Everything it sent, as JSON."""
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def last_text(self) -> str:
        """The text blocks of the last message."""
        return "\n".join(block["text"] for block in self._last() if block["type"] == "text")

    @property
    def results(self) -> tuple[dict[str, Any], ...]:
        """The tool results of the last message."""
        return tuple(block for block in self._last() if block["type"] == "tool_result")

    @property
    def result_text(self) -> str:
        """The texts of the last message's tool results."""
        found = (_blocks(result.get("content")) for result in self.results)
        return "\n".join(block.get("text", "") for blocks in found for block in blocks)

    def _last(self) -> list[dict[str, Any]]:
        messages = [found for found in self.body["messages"] if found["role"] != "system"]
        return _blocks(messages[-1]["content"]) if messages else []


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or [])


def always(_asked: Asked) -> bool:
    return True


def says(text: str) -> Callable[[Asked], bool]:
    """The last message contains `text`."""
    return lambda asked: text in asked.last_text


def mentions(text: str) -> Callable[[Asked], bool]:
    """`text` is anywhere in the conversation."""
    return lambda asked: text in asked.text


def returned(text: str = "") -> Callable[[Asked], bool]:
    """The last message brings results of tool calls, and `text` is in them."""
    return lambda asked: bool(asked.results) and text in asked.result_text


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model. `hold`: it comes only once this event is set.

    `made`: calls that depend on what it was asked, besides `calls`.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    when: Callable[[Asked], bool] = always
    times: int = 1
    error: ApiError | None = None
    hold: asyncio.Event | None = None
    made: Callable[[Asked], tuple[Call, ...]] | None = None


class Anthropic:
    """The emulator. With `key` set, any other key is answered 401."""

    def __init__(self, *turns: Turn, key: str | None = None) -> None:
        self.requests: list[Asked] = []
        self.url = ""
        self._turns = turns
        self._left = [turn.times for turn in turns]
        self._key = key
        self._ids = count(1)
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=MAX_REQUEST)
        application.router.add_post("/v1/messages", self._messages)
        application.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        # a CLI that went away must not keep its answer, nor us, waiting
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def unused(self) -> tuple[Turn, ...]:
        """Turns that never came to pass."""
        return tuple(
            turn for turn, left in zip(self._turns, self._left, strict=True) if left == turn.times
        )

    async def asked(self, times: int = 1) -> None:
        """Wait until so many requests have come."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.requests) >= times)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("x-api-key", "") or request.headers.get("authorization", "")
        asked = Asked(json.loads(await request.text()), key.removeprefix("Bearer "))
        async with self._news:
            self.requests.append(asked)
            self._news.notify_all()
        if self._key is not None and not hmac.compare_digest(asked.key, self._key):
            return _error(ApiError(401, "authentication_error", "invalid x-api-key"))
        turn = self._next(asked)
        if turn.hold is not None:
            await turn.hold.wait()
        return _error(turn.error) if turn.error else await self._stream(request, turn, asked)

    async def _count_tokens(self, request: web.Request) -> web.Response:
        return web.json_response({"input_tokens": len(await request.text()) // 4})

    def _next(self, asked: Asked) -> Turn:
        for index, turn in enumerate(self._turns):
            if self._left[index] > 0 and turn.when(asked):
                self._left[index] -= 1
                return turn
        return Turn("ok")

    async def _stream(self, request: web.Request, turn: Turn, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        message = self._message(turn, asked)
        for event in _events(message):
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            await response.write(data.encode())
        return response

    def _message(self, turn: Turn, asked: Asked) -> dict[str, Any]:
        calls = (*turn.calls, *(turn.made(asked) if turn.made else ()))
        content: list[dict[str, Any]] = []
        if turn.text or not calls:
            content.append({"type": "text", "text": turn.text})
        for call in calls:
            call_id = call.id or f"toolu_{next(self._ids):06d}"
            content.append(
                {"type": "tool_use", "id": call_id, "name": call.tool, "input": call.input}
            )
        return {
            "id": f"msg_{next(self._ids):06d}",
            "type": "message",
            "role": "assistant",
            "model": asked.body.get("model", "emulated"),
            "content": content,
            "stop_reason": "tool_use" if calls else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": 10},
        }


def _error(error: ApiError) -> web.Response:
    body = {"type": "error", "error": {"type": error.type, "message": error.message}}
    return web.json_response(body, status=error.status)


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The server-sent events of a message, its texts in pieces."""
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    for index, block in enumerate(message["content"]):
        is_text = block["type"] == "text"
        pieces = block["text"] if is_text else json.dumps(block["input"])
        kind, key = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
        empty = {**block, **({"text": ""} if is_text else {"input": {}})}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for start in range(0, len(pieces), DELTA):
            delta = {"type": kind, key: pieces[start : start + DELTA]}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": message["usage"]}
    yield {"type": "message_stop"}
