"""Which plain messages need no project, and moving a task between project and workspace."""

from __future__ import annotations

from dataclasses import replace

from appliance.core.commands import Ask, Run
from appliance.core.model import WORKSPACE, Actor, Incoming, Message
from appliance.core.requests import words_of
from appliance.core.router import RouterRules, needs_no_project
from appliance.ports import Clock, Policy
from appliance.services.permission import may_say
from appliance.services.wishes import Wish


class Routing:
    """`routed` sends a plain message to where it belongs."""

    def __init__(self, rules: RouterRules, policy: Policy, clock: Clock) -> None:
        self._rules = rules
        self._policy = policy
        self._clock = clock

    def routed(self, wish: Wish, incoming: Incoming, actor: Actor) -> Wish:
        """Only what begins a conversation is routed, and only for whom the policy lets ask."""
        match wish.command:
            case Run(text=text, fresh=False) if _begins_a_conversation(wish, incoming):
                ask = Ask(text)
                if needs_no_project(text, self._rules) and self._may_ask(ask, actor):
                    return replace(wish, command=ask, words=(words_of(ask),), project=WORKSPACE)
            case _:
                pass
        return wish

    def _may_ask(self, ask: Ask, actor: Actor) -> bool:
        return may_say(words_of(ask), actor, WORKSPACE, self._policy, self._clock)


def _begins_a_conversation(wish: Wish, incoming: Incoming) -> bool:
    goes_on = wish.steers or wish.session or wish.about or wish.is_astray or wish.only_plans
    is_bare = isinstance(incoming, Message) and not incoming.reply_to and not wish.files
    return is_bare and not goes_on
