"""Claude Code's lines, recorded with 2.1.329, and what we make of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent import stream
from appliance.core.model import Proceed, Refuse, Said, ToolCall, ToolFinished, Usage, Used
from appliance.errors import AgentFailed

RECORDED = Path(__file__).parents[1] / "data/agent"
SESSION = "762937bb-488b-4064-b2f9-7d2298ec11b8"
CALL = ToolCall(
    "toolu_stub000001", "Bash", {"command": "echo hi", "description": "say hi"}, "/srv/web"
)


def recorded(name: str) -> Sequence[stream.Line]:
    """What was noteworthy in a recording."""
    lines = (RECORDED / f"{name}.jsonl").read_bytes().splitlines()
    decoded = [stream.decode(line) for line in lines]
    return [line for line in decoded if not isinstance(line, stream.Unremarkable)]


def decoded(**found: Any) -> stream.Line:
    return stream.decode(json.dumps(found).encode())


def test_an_allowed_call_reads_as_greeting_turn_two_questions_and_a_result() -> None:
    greeting, began, said, _, hook, permission, finished, taken, *rest = recorded("allowed")
    assert isinstance(greeting, stream.Answered)
    assert greeting.body["hook_on_failure_supported"] is True
    assert isinstance(began, stream.Began)
    assert (began.session, began.servers) == (SESSION, 0)
    assert set(began.tools) >= {"Bash", "Task"}
    assert isinstance(said, stream.Heard)
    assert said.events[0] == Said("I run.")
    assert hook == stream.HookAsked("1cfb7b87-7072-4842-8169-32343740a287", CALL)
    assert isinstance(permission, stream.PermissionAsked)
    assert (permission.call_id, permission.input) == (CALL.id, CALL.input)
    assert finished == stream.Heard((ToolFinished(CALL.id, False, "hi"),))
    assert taken == stream.Taken("11111111-1111-4111-8111-111111111111")
    assert rest[-1] == stream.Result(
        "success", False, "folded", None, Usage(50656, 12424, 48, 2, 331)
    )


def test_a_refused_call_comes_back_as_its_error_with_our_reason() -> None:
    finished = [line for line in recorded("refused") if isinstance(line, stream.Heard)][1]
    assert finished.events == (
        ToolFinished("toolu_stub000001", True, "PreToolUse:Bash hook error: not today"),
    )


def test_a_refused_login_reads_as_trouble_and_a_failed_result_called_success() -> None:
    *_, first, second, _said, result = recorded("login_refused")
    assert first == second == stream.Trouble("the model's API answers 401 (authentication_failed)")
    assert isinstance(result, stream.Result)
    assert (result.subtype, result.is_error, result.api_status) == ("success", True, 401)


def test_an_unknown_session_reads_as_a_failed_result() -> None:
    (result,) = recorded("no_session")
    assert isinstance(result, stream.Result)
    assert result.is_error
    assert result.text.startswith("No conversation found")


@pytest.mark.parametrize("line", [b"", b"Warning: x", b"[]", b'"x"', b"{", b"\xff", b"[" * 50_000])
def test_what_is_no_json_object_breaks_the_protocol(line: bytes) -> None:
    with pytest.raises(AgentFailed, match="broke its protocol"):
        stream.decode(line)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8)))
@settings(max_examples=50)
def test_lines_of_unknown_kinds_are_unremarkable(found: dict[str, Any]) -> None:
    assert decoded(**(found | {"type": "new_kind"})) == stream.Unremarkable()


@pytest.mark.parametrize(
    "request_",
    [
        {"subtype": "can_use_tool", "tool_name": "Bash", "input": {}},
        {"subtype": "can_use_tool", "tool_use_id": "1", "tool_name": "Bash", "input": "ls"},
        {"subtype": "hook_callback", "callback_id": "other", "input": {}},
        {
            "subtype": "hook_callback",
            "callback_id": "gate",
            "input": {"hook_event_name": "PreToolUse", "tool_use_id": "1", "tool_name": "Bash"},
        },
        {"subtype": "hook_callback", "callback_id": "gate", "input": {"hook_event_name": "Stop"}},
    ],
)
def test_a_question_of_the_gates_that_cannot_be_read_breaks_the_protocol(
    request_: dict[str, Any],
) -> None:
    with pytest.raises(AgentFailed):
        decoded(type="control_request", request_id="1", request=request_)


def test_a_question_of_another_kind_is_known_as_strange() -> None:
    line = decoded(type="control_request", request_id="1", request={"subtype": "mcp_message"})
    assert line == stream.StrangeAsked("1", "mcp_message")
    assert b"unsupported: mcp_message" in stream.error_answer(line)


def test_what_a_sub_agent_says_is_not_said_to_the_person() -> None:
    message = {"content": [{"type": "text", "text": "psst"}]}
    assert decoded(type="assistant", message=message, parent_tool_use_id="1") == stream.Heard(())


@pytest.mark.parametrize("parent", [None, "toolu_1"])
def test_what_each_answer_took_is_told_of_sub_agents_too(parent: str | None) -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 900, "output_tokens": 7}
    message = {"id": "msg_1", "content": [{"type": "thinking"}], "usage": usage}
    line = decoded(type="assistant", message=message, parent_tool_use_id=parent)
    assert line == stream.Heard((Used("msg_1", Usage(input_tokens=903, output_tokens=7)),))


def test_output_is_cut_and_says_so() -> None:
    block = {"type": "tool_result", "tool_use_id": "1", "content": "x" * 4999 + "\n8 passed"}
    line = decoded(type="user", message={"content": [block]})
    assert isinstance(line, stream.Heard)
    (finished,) = line.events
    assert isinstance(finished, ToolFinished)
    assert finished.output.startswith("xx")
    assert "… (1008 more characters) …" in finished.output
    assert finished.output.endswith("x\n8 passed")
    assert len(finished.output) < 4100


def test_output_in_blocks_and_with_lone_surrogates_becomes_plain_text() -> None:
    content = [{"type": "text", "text": "a\ud800"}, {"type": "image", "source": {}}, "b"]
    block = {"type": "tool_result", "tool_use_id": "1", "content": content}
    line = decoded(type="user", message={"content": [block]})
    assert line == stream.Heard((ToolFinished("1", False, "a?\n[image]\nb"),))


def test_a_result_that_does_not_say_it_went_well_went_wrong() -> None:
    line = decoded(type="result", subtype="success", result="fine")
    assert isinstance(line, stream.Result)
    assert line.is_error


def test_a_session_that_is_no_identifier_breaks_the_protocol() -> None:
    with pytest.raises(AgentFailed, match="a session that is none"):
        decoded(
            type="system", subtype="init", session_id="--x", model="m", tools=[], mcp_servers=[]
        )


def test_our_first_line_declares_a_hook_for_every_tool_that_blocks_when_it_fails() -> None:
    (hook,) = json.loads(stream.initialize())["request"]["hooks"]["PreToolUse"]
    assert (hook["matcher"], hook["onFailure"]) == (None, "block")
    assert hook["timeout"] == stream.APPROVAL_SECONDS


def test_a_prompt_is_marked_as_composed_elsewhere() -> None:
    message = json.loads(stream.user_message("/cmd @/etc/passwd", "1"))
    assert message["client_composed"] is True
    assert message["message"]["content"] == "/cmd @/etc/passwd"


def test_verdicts_are_told_in_the_hooks_words() -> None:
    asked = stream.HookAsked("1", CALL)
    allowed = json.loads(stream.hook_answer(asked, Proceed({"command": "ls"})))
    refused = json.loads(stream.hook_answer(asked, Refuse("rule 7")))
    decision = allowed["response"]["response"]["hookSpecificOutput"]
    assert decision["permissionDecision"] == "allow"
    assert decision["updatedInput"] == {"command": "ls"}
    decision = refused["response"]["response"]["hookSpecificOutput"]
    assert decision["permissionDecision"] == "deny"
    assert decision["permissionDecisionReason"] == "rule 7"


def hooked(tool: str, path: str, mode: str = "plan", **more: Any) -> bool:
    home = "/home/agent/.claude"
    hook = {
        "hook_event_name": "PreToolUse",
        "tool_use_id": "1",
        "tool_name": tool,
        "tool_input": {"file_path": path},
        "cwd": "/srv/web",
        "permission_mode": mode,
        "transcript_path": f"{home}/projects/-srv-web/{SESSION}.jsonl",
    }
    request = {"subtype": "hook_callback", "callback_id": "gate", "input": hook | more}
    line = decoded(type="control_request", request_id="1", request=request)
    assert isinstance(line, stream.HookAsked)
    return line.is_plan_file


@pytest.mark.parametrize(
    ("tool", "path", "mode", "is_plan_file"),
    [
        ("Write", "/home/agent/.claude/plans/lazy-brave-cat.md", "plan", True),
        ("Edit", "/home/agent/.claude/plans/lazy-brave-cat-agent-a1.md", "plan", True),
        ("Read", "/home/agent/.claude/plans/lazy-brave-cat.md", "default", True),
        ("Write", "/home/agent/.claude/plans/lazy-brave-cat.md", "default", False),
        ("Bash", "/home/agent/.claude/plans/lazy-brave-cat.md", "plan", False),
        ("Write", "/home/agent/.claude/plans/../settings.md", "plan", False),
        ("Write", "/home/agent/.claude/plans/sub/cat.md", "plan", False),
        ("Write", "/home/agent/.claude/plans/cat.json", "plan", False),
        ("Write", "/home/agent/.claude/settings.json", "plan", False),
        ("Write", "/srv/web/plans/cat.md", "plan", False),
        ("Write", "plans/cat.md", "plan", False),
    ],
)
def test_only_the_agents_own_notes_of_a_plan_are_known_as_such(
    tool: str, path: str, mode: str, is_plan_file: bool
) -> None:
    assert hooked(tool, path, mode) is is_plan_file


@pytest.mark.parametrize("transcript", ["", "/projects/x.jsonl", "relative/projects/x.jsonl", 7])
def test_without_a_place_for_transcripts_there_are_no_notes(transcript: Any) -> None:
    assert not hooked("Write", "/plans/cat.md", transcript_path=transcript)
