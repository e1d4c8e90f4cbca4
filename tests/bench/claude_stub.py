"""The stub agent's words: plain text for `-p TEXT`, else stream-json with its control protocol.

A turn is answered at once. Only where a model's address is given (the daemon's own test of the
gates at its start) it does what the model says: it asks for each call, and runs none.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any

Object = dict[str, Any]


def main(events: str, arguments: list[str]) -> None:
    if "stream-json" not in arguments:
        text = answer(arguments[-1])
        tell(events)
        print(text)
        return
    model = os.environ.get("ANTHROPIC_BASE_URL")  # noqa: TID251 - we stand in for a program
    for message in map(json.loads, sys.stdin):
        if message["type"] == "control_request":
            greet(message["request_id"])
        elif message["type"] == "user":
            session = str(uuid.uuid4())
            begin(session)
            if model:
                obey(model)
            say(
                {"type": "command_lifecycle", "state": "completed", "command_uuid": message["uuid"]}
            )
            tell(events)
            end(session, answer(str(message["message"]["content"])))


def greet(request_id: str) -> None:
    body = {"hook_on_failure_supported": True, "claude_code_version": "2.1.329"}
    response = {"subtype": "success", "request_id": request_id, "response": body}
    say({"type": "control_response", "response": response})


def begin(session: str) -> None:
    lists: Object = {"tools": [], "mcp_servers": []}
    say({"type": "system", "subtype": "init", "session_id": session, "model": "stub", **lists})


def end(session: str, text: str) -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    counts = {"num_turns": 1, "duration_ms": 1, "total_cost_usd": 0.0, "usage": usage}
    outcome = {"subtype": "success", "is_error": False, "result": text}
    say({"type": "result", "session_id": session, **outcome, **counts})


def answer(prompt: str) -> str:
    """The last number of the prompt, so that an answer is known to belong to its message."""
    numbers: list[str] = re.findall(r"\d+", prompt)
    return f"answer {numbers[-1] if numbers else 0}"


# --- the model's calls


def obey(model: str) -> None:
    asked: list[str] = []
    requests = itertools.count()
    while call := next_call(model, asked):
        asked.append(call)
        tool = {"tool_name": "Bash", "tool_use_id": call}
        command = {"command": f"echo {call}"}
        hook = {"hook_event_name": "PreToolUse", "cwd": str(Path.cwd()), "tool_input": command}
        verdict = ask(
            next(requests),
            {"subtype": "hook_callback", "callback_id": "gate", "input": {**hook, **tool}},
        )
        if verdict["hookSpecificOutput"]["permissionDecision"] == "allow":
            ask(next(requests), {"subtype": "can_use_tool", "input": command, **tool})


def next_call(model: str, asked: list[str]) -> str | None:
    import urllib.request  # only here: it would triple the stub's own start

    request = urllib.request.Request(f"{model}/v1/messages", json.dumps(asked).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        found = re.search(rb'"type": "tool_use", "id": "(\w+)"', response.read())
    return found[1].decode() if found else None


def ask(number: int, request: Object) -> Object:
    say({"type": "control_request", "request_id": str(number), "request": request})
    answered: Object = json.loads(sys.stdin.readline())["response"]["response"]
    return answered


def say(message: Object) -> None:
    print(json.dumps(message), flush=True)


def tell(events: str) -> None:
    Path(events).write_text(f"ended {time.monotonic_ns()}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)  # no time is lost tidying up
