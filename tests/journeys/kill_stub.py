"""An agent to be killed: asks for one call, leaves a mark and a child that detaches, answers.

    kill_stub.py DIRECTORY MARK      (the flags of `claude` follow and are not looked at)

Each prompt "task N" asks the gates for one call; only when both agree is N appended to ran.log,
as a real tool would take effect. The detached child (setsid) is what a hostile tool leaves behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.claude_stub import ask, begin, end, greet, obey, say


def main(directory: Path, mark: str) -> None:
    model = os.environ.get("ANTHROPIC_BASE_URL", "")  # noqa: TID251 - we stand in for a program
    for message in map(json.loads, sys.stdin):
        if message["type"] == "control_request":
            greet(message["request_id"])
        elif message["type"] == "user":
            text = str(message["message"]["content"])
            begin(str(uuid.uuid4()))
            if "task" in text:
                work(directory, mark, text.rsplit(" ", 1)[-1])
            else:
                obey(model)
            say(
                {"type": "command_lifecycle", "state": "completed", "command_uuid": message["uuid"]}
            )
            end(str(uuid.uuid4()), f"answer <{text.rsplit(' ', 1)[-1]}>")


def work(directory: Path, mark: str, number: str) -> None:
    call = {"tool_name": "Bash", "tool_use_id": f"toolu_{number}"}
    command = {"command": f"echo {number}"}
    hook = {"hook_event_name": "PreToolUse", "cwd": str(directory), "tool_input": command}
    question = {"subtype": "hook_callback", "callback_id": "gate", "input": {**hook, **call}}
    verdict = ask(1, question)["hookSpecificOutput"]["permissionDecision"]
    if verdict != "allow":
        return
    if ask(2, {"subtype": "can_use_tool", "input": command, **call})["behavior"] != "allow":
        return
    detached = [sys.executable, "-IS", "-c", "import time; time.sleep(600)", mark]
    subprocess.Popen(detached, start_new_session=True, stdout=subprocess.DEVNULL)
    with (directory / "ran.log").open("a") as log:
        log.write(f"{number}\n")
    time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.flush()
    os._exit(0)
