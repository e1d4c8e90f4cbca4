"""What an agent asks people, with its choices as buttons, and what became of it.

All words of the question are the agent's: they are shown as they are, marked as its own, and
never looked up, filled in or interpreted.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.hidden import readable, shown
from appliance.core.jobs import Job
from appliance.core.model import Button, ButtonKind, Phrase, Reply, TimeOfDay
from appliance.core.questions import Option, Question, QuestionState
from appliance.core.replies.about_approvals import no_such_question, which_job
from appliance.core.words import Words, phrase

MAX_ON_BUTTON = 40
MARKED, UNMARKED = "☑", "☐"


def question(asked: Question, job: Job, who_may: Sequence[str]) -> Reply:
    """The question, its choices in full, how to answer, and a button for each choice."""
    asking = asked.asking
    words = Words().bold("The agent asks").verbatim(" · ").plain(which_job(job)).verbatim("\n")
    words.quote(readable(asking.text))
    for number, option in enumerate(asking.options, start=1):
        words.verbatim(f"\n{number}. {shown(option.label, 200)}")
        if option.description:
            words.verbatim(f" — {shown(option.description, 300)}")
    if asking.is_multiple:
        words.line("Choose any number, then press Done.")
    words.line("Or reply to this message in your own words.")
    words.line("until {time} · id {id}", time=TimeOfDay(asked.expires_at), id=asked.id)
    words.verbatim(" · ").plain("who may answer: {names}", names=", ".join(who_may[:5]))
    rows = [[_button(asked, number, option)] for number, option in enumerate(asking.options)]
    if asking.is_multiple:
        rows.append([Button(phrase("Done"), f"q:{asked.id}:done", ButtonKind.APPROVE)])
    return words.reply(*rows)


def _button(asked: Question, number: int, option: Option) -> Button:
    label = shown(option.label, MAX_ON_BUTTON)
    if asked.asking.is_multiple:
        label = f"{MARKED if number in asked.chosen else UNMARKED} {label}"
    return Button(label, f"q:{asked.id}:{number}")


def settled(asked: Question, job: Job) -> Reply:
    """What the question becomes once nothing can be pressed any more."""
    words = Words().bold(_outcome(asked)).verbatim(" · ").plain(which_job(job)).verbatim("\n")
    words.quote(readable(asked.asking.text))
    if asked.state is QuestionState.ANSWERED:
        words.verbatim("\n→ ").verbatim(readable(asked.answer))
    return words.reply()


def _outcome(asked: Question) -> Phrase:
    match asked.state:
        case QuestionState.ANSWERED:
            at = TimeOfDay(asked.answered_at)
            return phrase("✓ Answered by {user} at {time}", user=asked.answered_by, time=at)
        case QuestionState.EXPIRED:
            return phrase("Nobody answered in time; the agent went on without an answer")
        case QuestionState.WITHDRAWN:
            return phrase("Withdrawn: the job went on or ended without an answer")
        case QuestionState.OPEN:
            return phrase("The agent asks")


def taken(before: Question, after: Question) -> Phrase:
    """For whoever has just chosen something."""
    if after.state is QuestionState.ANSWERED:
        return phrase("Passed on to the agent.")
    if after.state is QuestionState.EXPIRED:
        return late_answer(after)
    if after.chosen != before.chosen:
        return phrase("Noted. Press Done when it is complete.")
    return phrase("Choose something first, or reply in your own words.")


def late_answer(asked: Question | None) -> Phrase:
    """For an answer to something that is not asked any more."""
    if asked is None:
        return no_such_question()
    match asked.state:
        case QuestionState.ANSWERED:
            return phrase("Already answered by {user}.", user=asked.answered_by)
        case QuestionState.EXPIRED:
            return phrase("Too late: the agent went on without an answer.")
        case _:
            return phrase("This is no longer being asked.")
