"""A request on its way: what the gate hands to the desk and its helpers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance.core.commands import Command
from appliance.core.model import Actor, Click, Decision, Incoming, ProjectName, Reply
from appliance.core.replies import about_settings
from appliance.core.requests import words_of
from appliance.core.shortened import ShowRest
from appliance.core.words import say
from appliance.ports import State
from appliance.services.outbox import Outbox
from appliance.services.remainders import rest_of
from appliance.services.wishes import Wish

TOAST_CHARACTERS = 150
"""What is longer is no answer to a click that somebody could read before it is gone."""


@dataclass(frozen=True, slots=True)
class Case:
    """An allowed request: who asked what, where, and the decision that lets it through."""

    incoming: Incoming
    actor: Actor
    wish: Wish
    decision: Decision

    @property
    def command(self) -> Command:
        return self.wish.command

    @property
    def project(self) -> ProjectName | None:
        return self.wish.project

    @property
    def words(self) -> str:
        return words_of(self.command)


def answer(case: Case, reply: Reply, state: State, outbox: Outbox) -> None:
    """Answer a request and be done with it, in one transaction.

    A click is answered where it was made, and what is more than a sentence comes as a message. No
    phone rings: who has just asked is looking at it.
    """
    reply = replace(reply, silent=True)
    place, key = case.incoming.place, case.incoming.key
    with state.transaction():
        state.mark_handled(key)
        if not isinstance(case.incoming, Click):
            outbox.put(place, reply)
        elif _is_sentence(reply):
            outbox.toast(place, key, reply)
        else:
            outbox.put(place, reply)
            outbox.toast(place, key, say("See below."))


def turn_page(case: Case, reply: Reply, state: State, outbox: Outbox) -> None:
    """Answer a click by changing the message that it was made under; else as `answer` does."""
    incoming = case.incoming
    under = incoming.message_id if isinstance(incoming, Click) else ""
    post = state.post_at(incoming.place, under) if under else None
    if post is None:
        return answer(case, reply, state, outbox)
    with state.transaction():
        state.mark_handled(incoming.key)
        outbox.edit(post, incoming.place, reply)
        outbox.toast(incoming.place, incoming.key, say("Here it is."))
    return None


def show_rest(case: Case, asked: ShowRest, state: State, outbox: Outbox) -> None:
    """The rest of what was shown in part here, as whole as its platform takes it."""
    place, key = case.incoming.place, case.incoming.key
    parts = rest_of(place, asked, state)
    if not parts:
        return answer(case, about_settings.nothing_more(), state, outbox)
    with state.transaction():
        state.mark_handled(key)
        for part in parts:
            outbox.put_whole(place, part)
        if isinstance(case.incoming, Click):
            outbox.toast(place, key, say("See below."))
    return None


def _is_sentence(reply: Reply) -> bool:
    has_more = bool(reply.buttons) or reply.attachment is not None
    return not has_more and len(reply.body.text) <= TOAST_CHARACTERS
