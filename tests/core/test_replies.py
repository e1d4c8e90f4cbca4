"""Words for people: what a question shows, and that nothing from outside can pose as ours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.core import replies
from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State
from appliance.core.model import Markdown, Reply, Rich, Style, ToolCall, Usage
from tests.examples import NOW, approval, job


def text_of(reply: Reply) -> str:
    return reply.body.text


def test_a_question_shows_what_where_who_why_and_until_when() -> None:
    reply = replies.question(approval(), job(), NOW)
    text = text_of(reply)
    for part in ("rm -rf build", "/srv/demo", "alice", "rules.csv:3", "10 min", "bcdfghjkmn"):
        assert part in text
    assert [b.token for b in reply.buttons[0]] == ["a:bcdfghjkmn", "d:bcdfghjkmn"]


def test_the_command_of_a_question_stands_in_a_block() -> None:
    body = replies.question(approval(), job(), NOW).body
    assert isinstance(body, Rich)
    block = next(span for span in body.spans if span.style is Style.PRE)
    assert body.text[block.start : block.start + block.length] == "rm -rf build"


def test_a_long_command_shows_its_head_and_its_tail() -> None:
    long = "echo " + "a" * 9000 + "; rm -rf /"
    text = text_of(replies.question(approval(summary=long), job(), NOW))
    assert "characters not shown" in text
    assert "; rm -rf /" in text
    assert len(text) < 4000


def test_hidden_characters_of_a_command_are_visible() -> None:
    text = text_of(replies.question(approval(summary="rm \u202ex"), job(), NOW))
    assert "\\u202e" in text


def test_allowed_is_said_only_of_a_used_approval() -> None:
    given_ = text_of(replies.settled(approval(state=ApprovalState.GIVEN), job()))
    used = text_of(replies.settled(approval(state=ApprovalState.USED, answered_by="bob"), job()))
    assert "Allowed" not in given_
    assert "Allowed by bob" in used


def test_the_question_about_an_edit_shows_the_change() -> None:
    call = ToolCall("1", "Edit", {"file_path": "/a", "old_string": "x", "new_string": "y"}, "/")
    assert replies.call_in_full(call) == "Edit /a\n- x\n+ y"


def test_an_answer_is_the_agents_markdown() -> None:
    reply = replies.answer(job(state=State.SUCCEEDED), "**done**", 0)
    assert reply.body == Markdown("**done**")


def test_a_failure_names_the_job_and_the_reason() -> None:
    assert "not logged in" in text_of(replies.answer(job(state=State.FAILED), "not logged in", 0))


def test_the_last_line_tells_time_and_cost() -> None:
    usage = Usage(cost_microdollars=120_000, duration_ms=65_000)
    text = text_of(replies.ended_line(job(state=State.SUCCEEDED, usage=usage)))
    assert "1 min 5 s" in text
    assert "$0.12" in text


@given(st.lists(st.tuples(st.sampled_from(Style), st.text(min_size=1)), max_size=8))
def test_spans_cover_exactly_what_was_styled(parts: list[tuple[Style, str]]) -> None:
    words = replies.Words()
    for style, text in parts:
        words.plain("-").styled(style, text)
    rich = words.rich()
    cut = [rich.text[s.start : s.start + s.length] for s in rich.spans]
    assert cut == [text for _, text in parts]
