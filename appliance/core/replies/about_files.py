"""Files and speech: what becomes of what people send, and what is sent to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.core.files import safe_names
from appliance.core.hidden import shown
from appliance.core.model import (
    Attachment,
    Button,
    ButtonKind,
    IncomingFile,
    JobId,
    Oddity,
    Phrase,
    Reply,
)
from appliance.core.words import Words, phrase, plural, say

KEPT_MINUTES = 10
"""So long files wait for a word about them."""

MAX_NAMES = 10
MAX_LABEL = 40


def what_to_do(files: Sequence[IncomingFile]) -> Reply:
    """Files came without a word about them."""
    words = Words().plain("What shall be done with this?")
    for name in safe_names(files)[:MAX_NAMES]:
        words.verbatim("\n· ").code(name)
    words.line("Your next message here says it, within {minutes} minutes.", minutes=KEPT_MINUTES)
    look = Button(phrase("Look at it"), "fl", ButtonKind.APPROVE)
    return words.reply([look, Button(phrase("Forget it"), "ff", ButtonKind.DENY)])


def nothing_waits() -> Phrase:
    return phrase("No files wait here any more. Send them again.")


def forgotten() -> Reply:
    return say("Forgotten; nothing was fetched.")


def takes_no_files(word: str) -> Phrase:
    return phrase(
        "{command} takes no files. Send them with a task in words, or /run TASK, as the caption.",
        command=word,
    )


_ODDITIES: Mapping[Oddity, Phrase] = {
    Oddity.STICKER: phrase("I do not understand stickers. Write what to do, or /help."),
    Oddity.LOCATION: phrase("I cannot do anything with a place. Write it as text, if it matters."),
    Oddity.CONTACT: phrase("I keep no contacts. Write as text what I should know of it."),
    Oddity.POLL: phrase("I do not vote. Write what to do, or /help."),
    Oddity.DICE: phrase("I do not play dice. Write what to do, or /help."),
    Oddity.GAME: phrase("I do not play games. Write what to do, or /help."),
    Oddity.STORY: phrase("I cannot open stories. Send the picture itself, with a word about it."),
    Oddity.CHECKLIST: phrase("I cannot read checklists. Send the list as text."),
    Oddity.PAID: phrase("I cannot open paid media. Send the file itself."),
}


def not_understood(oddity: Oddity) -> Phrase:
    """One sentence for each kind of thing that is neither words nor a file."""
    return _ODDITIES[oddity]


# --- speech


def no_ears() -> Reply:
    return say(
        "I cannot listen on this machine: it needs dispatch-appliance[voice] and a model, "
        "in [voice] of dispatch.toml. Write it as text."
    )


def too_long_to_hear(minutes: int) -> Reply:
    return say(
        plural(
            minutes,
            "That is longer than a minute. Say less, or write it.",
            "That is longer than {count} minutes. Say less, or write it.",
        )
    )


def listening() -> Reply:
    return say("Listening …")


def heard(text: str, number: int) -> Reply:
    """What was understood, to be run as it is or written better."""
    words = Words().plain("I understood:").verbatim("\n").block(text)
    words.line("Press, or write it better.")
    run = Button(phrase("Run it"), f"hr:{number}", ButtonKind.APPROVE)
    return words.reply([run, Button(phrase("Discard"), f"hd:{number}", ButtonKind.DENY)])


def heard_nothing() -> Reply:
    return say("I understood no words. Say it again, or write it.")


def not_heard(reason: str) -> Reply:
    return say("I could not listen to that: {reason}. Write it as text.", reason=reason)


def gone() -> Phrase:
    return phrase("That is not there any more. Say it again.")


def discarded() -> Reply:
    return say("Discarded.")


def written_instead(text: str) -> Reply:
    """What the question becomes when its sender wrote something."""
    return Words().plain("You wrote something instead of:").verbatim("\n").block(text).reply()


def running_it(text: str) -> Reply:
    """What the question becomes when somebody said yes."""
    return Words().plain("✓ Being run:").verbatim("\n").block(text).reply()


# --- files that are sent


def named(job: JobId, paths: Sequence[str]) -> Reply:
    """The files that an answer names, each to be had by a button."""
    rows = [[Button(_label(path), f"f:{job}:{number}")] for number, path in enumerate(paths)]
    body = phrase("This file is in the project:") if len(rows) == 1 else None
    words = Words().plain(body or phrase("These files are in the project:"))
    reply = words.reply(*rows)
    return Reply(reply.body, reply.buttons, silent=True)


def _label(path: str) -> str:
    name = shown(path, 200)
    return name if len(name) <= MAX_LABEL else f"…{name[1 - MAX_LABEL :]}"


def sent(name: str, content: bytes, *, is_picture: bool) -> Reply:
    words = Words().code(shown(name, 200))
    return Reply(words.wording(), attachment=Attachment(name, content, is_picture), silent=True)


def on_its_way() -> Reply:
    return say("On its way.")


def nowhere() -> Reply:
    return say("That file is not to be had from here any more.")


def cannot_send(name: str, reason: Phrase) -> Reply:
    return say("{name} is not sent: {reason}", name=shown(name), reason=reason)
