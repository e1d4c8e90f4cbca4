"""A stub `claude`: greets like the real one, then follows the script a test gave it.

Written into a test's directory as an executable; `SCRIPT` below is replaced. In it: `say` prints a
line, `hear` waits for one of ours, `hook` and `permission` ask the two gates, `done` ends a turn.
"""

STUB = """#!/usr/bin/python3 -I
import json, os, signal, subprocess, sys, time

SESSION = "00000000-0000-4000-8000-0000000000aa"
GREETING = {"claude_code_version": "2.1.329", "hook_on_failure_supported": True}
TOOLS = ["Task", "Bash"]

def say(**line):
    print(json.dumps(line), flush=True)

def hear():
    return json.loads(sys.stdin.readline())

def greet(**body):
    hello = hear()
    say(type="control_response", response={
        "subtype": "success", "request_id": hello["request_id"], "response": GREETING | body})

def init(**more):
    say(**({"type": "system", "subtype": "init", "session_id": SESSION, "model": "stub",
            "tools": TOOLS, "mcp_servers": []} | more))

def ask(**request):
    say(type="control_request", request_id="q-" + request["subtype"], request=request)
    return hear()["response"]

def hook(command, call="c1"):
    return ask(subtype="hook_callback", callback_id="gate", input={
        "hook_event_name": "PreToolUse", "tool_use_id": call, "tool_name": "Bash",
        "tool_input": {"command": command}, "cwd": os.getcwd()})

def permission(command, call="c1"):
    return ask(subtype="can_use_tool", tool_use_id=call, tool_name="Bash",
               input={"command": command})

def done(text, **more):
    say(**({"type": "result", "subtype": "success", "is_error": False, "result": text,
            "num_turns": 1, "total_cost_usd": 0.5} | more))

def start():
    greet()
    prompt = hear()["message"]["content"]
    init()
    return prompt

SCRIPT
"""


def stub_claude(script: str) -> str:
    """The program's text."""
    return STUB.replace("SCRIPT\n", script + "\n")
