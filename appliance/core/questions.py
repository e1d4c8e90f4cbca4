"""What an agent asks people: one question with choices, and its answer, given at most once.

No answer lets anything happen: it is words for the agent. Whatever the agent does with them is
judged like every other call, so a question is no approval and never becomes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

from appliance.core.model import Asks, JobId, Json, Millis, UserName

QuestionId = NewType("QuestionId", str)

NEVER = Millis(0)
MAX_QUESTIONS = 4
MAX_OPTIONS = 10
MAX_LABEL = 200
MAX_TEXT = 2000
"""Characters of a question and of what is said about an option; longer ones are cut."""
MAX_ANSWER = 4000
"""Characters of an answer in somebody's own words."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of the choices; `label` is what goes back to the agent."""

    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """What the agent wants to know. `is_multiple`: several choices may be taken."""

    text: str
    header: str
    options: tuple[Option, ...]
    is_multiple: bool = False


class QuestionState(StrEnum):
    """Where a question is in its life."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # the agent gave up, or the appliance restarted under it


@dataclass(frozen=True, slots=True)
class Question:
    """A question on its way. `request` is the tool call that asks it, `asks` says who may answer.

    `chosen`: the choices marked so far, by their place in `asking.options`.
    """

    id: QuestionId
    job: JobId
    request: str
    requester: UserName
    asking: Asking
    asks: Asks
    asked_at: Millis
    expires_at: Millis
    state: QuestionState = QuestionState.OPEN
    chosen: tuple[int, ...] = ()
    answer: str = ""
    answered_by: str = ""
    answered_at: Millis = NEVER

    @property
    def is_open(self) -> bool:
        return self.state is QuestionState.OPEN


class Unreadable(ValueError):
    """The agent's questions are not what they should be; the text says how, to the agent."""


# --- what the agent asks


def asked(tool_input: Mapping[str, Json]) -> tuple[Asking, ...]:
    """The questions of a call. Raises Unreadable."""
    found = tool_input.get("questions")
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_QUESTIONS:
        raise Unreadable(f"ask one to {MAX_QUESTIONS} questions at a time")
    askings = tuple(map(_asking, found))
    if len({asking.text for asking in askings}) < len(askings):
        raise Unreadable("two of the questions are the same")
    return askings


def _asking(found: Json) -> Asking:
    if not isinstance(found, dict):
        raise Unreadable("a question is not an object")
    text, options = found.get("question"), found.get("options")
    if not isinstance(text, str) or not text.strip() or not isinstance(options, list):
        raise Unreadable("a question needs its text and its options")
    if len(text) > MAX_TEXT or len(options) > MAX_OPTIONS:
        raise Unreadable("a question is too long, or has too many options")
    header, is_multiple = found.get("header", ""), found.get("multiSelect", False)
    if not isinstance(header, str) or not isinstance(is_multiple, bool):
        raise Unreadable("a question has an odd header, or an odd multiSelect")
    choices = tuple(map(_option, options))
    if len({choice.label for choice in choices}) < len(choices):
        raise Unreadable("two options of a question are the same")
    return Asking(text, header[:MAX_LABEL], choices, is_multiple)


def _option(found: Json) -> Option:
    match found:
        case {"label": str(label), **rest} if label.strip() and len(label) <= MAX_LABEL:
            description = rest.get("description", "")
            return Option(label, description[:MAX_TEXT] if isinstance(description, str) else "")
        case _:
            raise Unreadable("an option needs a short label")


# --- what people answer


@dataclass(frozen=True, slots=True)
class Pick:
    """One of the choices, by its place; where several may be taken, it is marked or unmarked."""

    option: int


@dataclass(frozen=True, slots=True)
class Done:
    """What has been marked is the answer."""


@dataclass(frozen=True, slots=True)
class Picks:
    """All of the answer at once, by the places of the choices."""

    options: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OwnWords:
    """None of the choices, or more than that; hidden characters are written out already."""

    text: str


Choice = Pick | Done | Picks | OwnWords


def answer(question: Question, choice: Choice, *, by: UserName, at: Millis) -> Question:
    """The question after somebody's choice; who may choose has been checked.

    One that is not open stays as it is, one that is too late is expired. A choice that there is
    not, and nothing marked, changes nothing either: the caller compares.
    """
    if not question.is_open:
        return question
    if at >= question.expires_at:
        return replace(question, state=QuestionState.EXPIRED)
    match choice:
        case Pick(option=number) if question.asking.is_multiple and _are_there((number,), question):
            return replace(question, chosen=_toggled(question.chosen, number))
        case Pick(option=number):
            chosen: tuple[int, ...] = (number,)
        case Done():
            chosen = question.chosen
        case Picks(options=numbers):
            chosen = numbers
        case OwnWords(text=text):
            own = text.strip()[:MAX_ANSWER]
            return _answered(question, (), own, by, at) if own else question
    if not _are_there(chosen, question):
        return question
    labels = ", ".join(question.asking.options[number].label for number in chosen)
    return _answered(question, chosen, labels, by, at)


def _are_there(chosen: Sequence[int], question: Question) -> bool:
    """Whether these can be the answer: choices that there are, and as many as may be taken."""
    asking = question.asking
    is_one_or_more = len(chosen) == 1 or (asking.is_multiple and len(chosen) > 1)
    return is_one_or_more and all(0 <= number < len(asking.options) for number in chosen)


def _toggled(chosen: Sequence[int], number: int) -> tuple[int, ...]:
    return tuple(sorted({*chosen} ^ {number}))


def _answered(
    question: Question, chosen: tuple[int, ...], words: str, by: UserName, at: Millis
) -> Question:
    return replace(
        question,
        state=QuestionState.ANSWERED,
        chosen=chosen,
        answer=words,
        answered_by=by,
        answered_at=at,
    )


def in_words(text: str, asking: Asking) -> Choice:
    """What was typed: "2", or "1,3" where several may be taken, or an answer in own words."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts):
        return OwnWords(text)
    numbers = tuple(sorted({int(part) - 1 for part in parts}))
    is_possible = len(numbers) == 1 or asking.is_multiple
    if is_possible and all(0 <= number < len(asking.options) for number in numbers):
        return Picks(numbers)
    return OwnWords(text)
