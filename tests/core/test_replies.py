"""Words for people: what a question shows, and that nothing from outside can pose as ours."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State
from appliance.core.model import (
    ENGLISH,
    Denied,
    Json,
    Markdown,
    Piece,
    Program,
    Reply,
    Rich,
    Style,
    ToolCall,
    Usage,
)
from appliance.core.replies import about_approvals, about_calls, about_jobs, about_requests
from appliance.core.words import Words, in_language
from tests.examples import NOW, approval, job


def said(reply: Reply) -> Rich:
    body = in_language(reply, ENGLISH).body
    assert isinstance(body, Rich)
    return body


def text_of(reply: Reply) -> str:
    return reply.body.text


def test_a_question_shows_what_where_who_why_and_until_when() -> None:
    reply = about_approvals.question(approval(), job(), NOW)
    text = text_of(reply)
    for part in ("rm -rf build", "/srv/demo", "alice", "rules.csv:3", "10 min", "bcdfghjkmn"):
        assert part in text
    assert [b.token for b in reply.buttons[0]] == ["a:bcdfghjkmn", "d:bcdfghjkmn"]


def test_the_command_of_a_question_stands_in_a_block() -> None:
    body = said(about_approvals.question(approval(), job(), NOW))
    block = next(span for span in body.spans if span.style is Style.PRE)
    assert body.text[block.start : block.start + block.length] == "rm -rf build"


def test_a_long_command_shows_its_head_and_its_tail() -> None:
    long = "echo " + "a" * 9000 + "; rm -rf /"
    reply = about_approvals.question(approval(summary=long), job(), NOW)
    text = text_of(reply)
    assert "[… 8,615 characters …]" in text
    assert "; rm -rf /" in text
    assert len(text) < 1000  # it goes with the file
    assert reply.attachment is not None
    assert reply.attachment.name == "bcdfghjkmn.sh"
    assert reply.attachment.content.decode() == long


def test_hidden_characters_of_a_command_are_visible() -> None:
    text = text_of(about_approvals.question(approval(summary="rm \u202ex"), job(), NOW))
    assert "\\u202e" in text


def test_allowed_is_said_only_of_a_used_approval() -> None:
    given_ = text_of(about_approvals.settled(approval(state=ApprovalState.GIVEN), job()))
    used = text_of(
        about_approvals.settled(approval(state=ApprovalState.USED, answered_by="bob"), job())
    )
    assert "Allowed" not in given_
    assert "Allowed by bob" in used


def test_the_question_about_an_edit_shows_the_change() -> None:
    call = ToolCall("1", "Edit", {"file_path": "/a", "old_string": "x", "new_string": "y"}, "/")
    assert about_calls.call_in_full(call) == "Edit /a\n- x\n+ y"


def test_an_answer_is_the_agents_markdown() -> None:
    reply = about_jobs.answer(job(state=State.SUCCEEDED), "**done**", 0)
    assert reply.body == Markdown("**done**")


def test_a_failure_names_the_job_and_the_reason() -> None:
    assert "not logged in" in text_of(
        about_jobs.answer(job(state=State.FAILED), "not logged in", 0)
    )


def test_the_last_line_tells_a_recipes_time_and_not_what_stands_below_an_answer() -> None:
    usage = Usage(cost_microdollars=120_000, duration_ms=65_000)
    ended = job(state=State.SUCCEEDED, usage=usage)
    assert text_of(about_jobs.ended_line(ended)) == "Job 1 ✓ done · demo"
    recipe = replace(ended, work=Program("test", ("make", "test"), ""))
    assert text_of(about_jobs.ended_line(recipe)) == "Job 1 ✓ done · demo · 1 min 5 s · $0.12"


@given(st.lists(st.tuples(st.sampled_from(Style), st.text(min_size=1)), max_size=8))
def test_spans_cover_exactly_what_was_styled(parts: list[tuple[Style, str]]) -> None:
    words = Words()
    for style, text in parts:
        words.plain("-").pieces.append(Piece(text, style))
    rich = words.wording().rich(ENGLISH)
    cut = [rich.text[s.start : s.start + s.length] for s in rich.spans]
    assert cut == [text for _, text in parts]


def held(tool: str, **values: Json) -> str:
    """The block of the question about a call."""
    summary = about_calls.call_in_full(ToolCall("1", tool, values, "/"))
    body = said(about_approvals.question(approval(tool=tool, summary=summary), job(), NOW))
    block = next(span for span in body.spans if span.style is Style.PRE)
    return body.text[block.start : block.start + block.length]


def test_an_edit_shows_what_goes_and_what_comes_among_the_lines_around_it() -> None:
    before = "one two three four five six seven eight".replace(" ", "\n")
    after = before.replace("five", "FIVE")
    shown = held("Edit", file_path="/a", old_string=before, new_string=after, replace_all=True)
    assert shown.split("\n") == [
        "Edit /a (every place)",
        "…",
        "  three",
        "  four",
        "- five",
        "+ FIVE",
        "  six",
        "  seven",
        "…",
    ]


def test_a_new_file_is_shown_whole() -> None:
    assert held("Write", file_path="/a", content="x\ny") == "Write /a\n+ x\n+ y"


def test_several_edits_of_a_file_are_shown_each() -> None:
    edits: list[Json] = [
        {"old_string": "x", "new_string": "y"},
        {"old_string": "", "new_string": "z"},
    ]
    assert held("MultiEdit", file_path="/a", edits=edits) == (
        "MultiEdit /a\n@@\n- x\n+ y\n@@\n- \n+ z"
    )


@given(st.text("ab\n", max_size=30), st.text("ab\n", max_size=30))
def test_every_line_that_comes_or_goes_is_shown(old: str, new: str) -> None:
    _, *lines = held("Edit", file_path="/f", old_string=old, new_string=new).split("\n")
    gone = [line[2:] for line in lines if line.startswith("- ")]
    come = [line[2:] for line in lines if line.startswith("+ ")]
    before, after = (Counter(text.split("\n")) for text in (old, new))
    before.subtract(Counter(gone))
    before.update(come)
    assert +before == +after


def test_a_question_says_how_many_must_agree_and_who_has() -> None:
    asks = replace(approval().asks, by=("lead",), people=2, reason="git push")
    text = text_of(about_approvals.question(approval(asks=asks, given_by=("carol",)), job(), NOW))
    for line in ("needs a yes from 2 people of lead", "1 of 2 so far: carol", "by the agent, for"):
        assert line in text


def test_the_button_for_the_whole_job_says_what_it_goes_for() -> None:
    asks = replace(approval().asks, job_wide=True)
    reply = about_approvals.question(approval(asks=asks), job(), NOW)
    assert asks.rule.text in text_of(reply)
    assert [b.token for row in reply.buttons for b in row][-1] == "j:bcdfghjkmn"


def test_a_question_about_a_file_names_it_once_and_fits_a_phone() -> None:
    path = "/srv/demo/infra/main.tf"
    asks = replace(approval().asks, by=("lead",), job_wide=True, reason=path)
    edit = ToolCall("1", "Edit", {"file_path": path, "old_string": "x", "new_string": "y"}, "/")
    held = approval(asks=asks, tool="Edit", summary=about_calls.call_in_full(edit))
    text = text_of(about_approvals.question(held, job(), NOW))
    assert text.count(path) == 1
    assert lines_on_a_phone(text) <= 12


def test_a_question_about_a_line_names_the_command_that_the_rule_is_about() -> None:
    asks = replace(approval().asks, reason="git push")
    held = approval(asks=asks, summary="git status && git push")
    assert "because of: git push" in text_of(about_approvals.question(held, job(), NOW))


def lines_on_a_phone(text: str) -> int:
    """Telegram on a small phone has room for about 38 characters."""
    return sum(len(textwrap.wrap(line, 38)) or 1 for line in text.split("\n"))


def test_a_refusal_names_its_rule_once() -> None:
    rule = approval().asks.rule
    denied = Denied(rule, f'running "/deploy" is refused (rule {rule} denies it)')
    assert text_of(about_requests.denied(denied)).count(str(rule)) == 1
    assert f"\nRule: {rule}\n" in text_of(about_requests.denied(Denied(rule, "not on Fridays")))


def test_a_stopped_job_is_said_to_be_stopped_once() -> None:
    stopped = job(state=State.CANCELLED)
    assert text_of(about_jobs.answer(stopped, "stopped by bob", 0)) == "Job 1 stopped by bob."
    assert text_of(about_jobs.answer(stopped, "", 0)) == "Job 1 stopped."


def test_the_reason_of_a_refusal_is_shown_to_those_who_were_asked() -> None:
    refused = approval(state=ApprovalState.REFUSED, answered_by="bob", reason="not today")
    for reply in (about_approvals.settled(refused, job()), about_approvals.refused(refused, job())):
        assert "bob" in text_of(reply)
        assert text_of(reply).endswith("\nbecause: not today")


def test_the_end_of_a_command_can_be_seen_where_there_is_one_line() -> None:
    call = ToolCall("1", "Bash", {"command": "git status\nrm -rf /\n"}, "/")
    assert about_calls.doing(call) == "Bash: git status ⏎ rm -rf /"
    expired = approval(state=ApprovalState.EXPIRED, summary="make\nrm -rf /")
    there = about_approvals.expired(expired, job(), is_there=True)
    assert "make ⏎ rm -rf /" in text_of(there)
    assert [button.token for row in there.buttons for button in row] == ["g:bcdfghjkmn"]
    elsewhere = about_approvals.expired(expired, job())
    assert text_of(elsewhere).endswith("alice can ask for it again.")
    assert not elsewhere.buttons
