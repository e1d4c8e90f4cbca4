"""All there is to know before a question is answered, and the words around its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.approvals import Approval
from appliance.core.hidden import readable, shown
from appliance.core.jobs import Job
from appliance.core.model import Attachment, Millis, Phrase, Prompt, Reply
from appliance.core.replies.about_approvals import ask_again, moment, no_such_question, which_job
from appliance.core.replies.about_calls import in_one_line
from appliance.core.words import Words, phrase, say

MAX_INPUT = 1200
"""Characters of a step's input shown in the message; a longer one comes as a file."""
MAX_TASK = 500
MAX_RULE = 500
MAX_EARLIER = 8


def details(approval: Approval, job: Job, earlier: Sequence[str], now: Millis) -> Reply:
    """The whole input and rule, the job's task, where, and what the rule has let through so far.

    `earlier`: what somebody has allowed in this job because the same rule asked.
    """
    words = Words().bold("Details").verbatim(" ").code(approval.id).verbatim("  ")
    words.plain(which_job(job))
    words.line("asked at {time}, until {until}", time=moment(approval.asked_at, now),
               until=moment(approval.expires_at, now))  # fmt: skip
    words.line("in {directory}", directory=shown(approval.directory, 300))
    words.line("task:").verbatim("\n").quote(shown(_task(job), MAX_TASK))
    words.line("rule {rule}:", rule=str(approval.asks.rule)).verbatim("\n")
    words.block(readable(approval.asks.rule.text)[:MAX_RULE])
    _earlier(words, earlier)
    words.line("the whole input:")
    whole = readable(approval.input or approval.summary)
    if len(whole) <= MAX_INPUT:
        return words.verbatim("\n").block(whole, "json" if approval.input else "").reply()
    file = Attachment(f"{approval.id}-input.txt", whole.encode())
    return replace(words.verbatim(" ").plain("in the file").reply(), attachment=file)


def _task(job: Job) -> str:
    return job.work.text if isinstance(job.work, Prompt) else " ".join(job.work.argv)


def _earlier(words: Words, earlier: Sequence[str]) -> None:
    if not earlier:
        words.line("Nothing else in this job was allowed by it.")
        return
    words.line("Also allowed by it in this job:")
    for summary in earlier[-MAX_EARLIER:]:
        words.verbatim("\n· ").code(in_one_line(summary, 100))
    if len(earlier) > MAX_EARLIER:
        words.line("and {count} more before", count=len(earlier) - MAX_EARLIER)


def why_not(approval: Approval) -> Reply:
    """Asks for the reason of a no that is about to be said."""
    words = Words().bold("Why not?").verbatim("  ").code(in_one_line(approval.summary, 100))
    words.line("Reply to this message, or to the question, with the reason.")
    words.line("Or write: ").code(f"/deny {approval.id} WHY")
    return words.line("Until then nothing is decided.").reply()


def say_why() -> Phrase:
    """What answers the click, where the message for the reply comes below."""
    return phrase("Say why below.")


def late(sentence: Phrase, approval: Approval, *, is_there: bool) -> Reply:
    """For an answer that was written: with the button that asks again, if it came too late."""
    rows = ask_again(approval, is_there=is_there)
    return replace(say(sentence), buttons=tuple(map(tuple, rows)))


def elsewhere() -> Phrase:
    return phrase("That button belongs to another question. Nothing was answered.")


def no_details() -> Phrase:
    return phrase("There is no such question, or it is not yours to look at.")


# --- asking again


def nothing_to_renew(approval: Approval | None) -> Phrase:
    if approval is None:
        return no_such_question()
    if approval.renewed_by:
        return phrase("It has been asked again already.")
    return phrase("Only what nobody answered in time can be asked again.")


def asking_again() -> Phrase:
    return phrase("Asking again.")


def not_yours_to_renew() -> Phrase:
    return phrase("There is no such question, or it is not yours to ask again.")


def cannot_renew() -> Phrase:
    return phrase("Its session cannot be taken up again. Send the task once more.")
