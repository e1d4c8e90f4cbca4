"""An agent that tries every call it is given, and takes no for an answer.

    team_stub.py CALLS DIRECTORY     (the flags of `claude` follow and are not looked at)

CALLS is a JSON file: [[TOOL, INPUT], …]. A prompt with "try" in it makes it ask the gates for each
of them; none is run. A question "what is it" it answers at once.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.claude_stub import ask, begin, end, greet, obey, say


def main(calls: Path, directory: str) -> None:
    model = os.environ.get("ANTHROPIC_BASE_URL", "")  # noqa: TID251 - we stand in for a program
    for message in map(json.loads, sys.stdin):
        if message["type"] == "control_request":
            greet(message["request_id"])
        elif message["type"] == "user":
            begin(str(uuid.uuid4()))
            asked = str(message["message"]["content"])
            if "try" in asked:
                attempt(json.loads(calls.read_text()), directory)
            elif "what is it" not in asked:
                obey(model)
            say(
                {"type": "command_lifecycle", "state": "completed", "command_uuid": message["uuid"]}
            )
            end(str(uuid.uuid4()), "tried")


def attempt(calls: list[tuple[str, dict[str, str]]], directory: str) -> None:
    requests = itertools.count(1)
    for number, (tool, given) in enumerate(calls):
        call = {"tool_name": tool, "tool_use_id": f"toolu_{number}"}
        hook = {"hook_event_name": "PreToolUse", "cwd": directory, "tool_input": given, **call}
        question = {"subtype": "hook_callback", "callback_id": "gate", "input": hook}
        verdict = ask(next(requests), question)["hookSpecificOutput"]["permissionDecision"]
        if verdict == "allow":
            ask(next(requests), {"subtype": "can_use_tool", "input": given, **call})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.flush()
    os._exit(0)
