"""Who may do what, and how an administrator is named."""

from __future__ import annotations

import os
from typing import get_args

from appliance.audit import wire
from appliance.audit.rights import Rights, administrator
from appliance.core.events import ActorType

DESTRUCTIVE = {wire.Redact, wire.Prune, wire.Rotate}


def test_who_is_not_named_may_not_even_ask() -> None:
    assert Rights(frozenset((1,)), frozenset((2,))).of(3) == frozenset()


def test_a_writer_can_destroy_nothing_and_an_administrator_cannot_add() -> None:
    rights = Rights(frozenset((1,)), frozenset((2,)))
    everything = set(get_args(wire.Question))
    assert everything - rights.of(1) == DESTRUCTIVE | {wire.ReadRows}
    assert everything - rights.of(2) == {wire.Append}


def test_an_administrator_is_named_as_the_machine_knows_him() -> None:
    who = administrator(os.getuid())
    assert (who.type, who.auth) == (ActorType.USER, f"unix:{os.getuid()}")
    assert who.id
    assert administrator(4_000_000_000).id == "4000000000"
