"""The stub agent's words: plain text for `-p TEXT`, else stream-json with its control protocol."""

import json
import os
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any


def main(events: str, arguments: list[str]) -> None:
    if "stream-json" in arguments:
        converse(events)
    else:
        text = answer(arguments[-1])
        tell(events)
        print(text)


def converse(events: str) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "control_request":
            say(control_response(message))
        elif message["type"] == "user":
            turn(events, json.dumps(message["message"]["content"]))


def control_response(message: dict[str, Any]) -> dict[str, Any]:
    response = {
        "subtype": "success",
        "request_id": message["request_id"],
        "response": {"hook_on_failure_supported": True, "claude_code_version": "2.1.329"},
    }
    return {"type": "control_response", "response": response}


def turn(events: str, prompt: str) -> None:
    session, text = str(uuid.uuid4()), answer(prompt)
    say(
        {
            "type": "system",
            "subtype": "init",
            "session_id": session,
            "model": "stub",
            "tools": [],
            "mcp_servers": [],
        }
    )
    content = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    say({"type": "assistant", "session_id": session, "message": content})
    tell(events)
    say(
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": text,
            "num_turns": 1,
            "session_id": session,
            "total_cost_usd": 0.0,
            "duration_ms": 1,
            "usage": {"input_tokens": 1, "output_tokens": 1},
            "permission_denials": [],
        }
    )


def answer(prompt: str) -> str:
    """The last number of the prompt, so that an answer is known to belong to its message."""
    numbers: list[str] = re.findall(r"\d+", prompt)
    return f"answer {numbers[-1] if numbers else 0}"


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def tell(events: str) -> None:
    Path(events).write_text(f"ended {time.monotonic_ns()}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    os._exit(0)
