"""Commands of those who look after the appliance, as they are read; and their buttons."""

from __future__ import annotations

import pytest

from appliance.core import administration
from appliance.core.administration import (
    AnswerProposal,
    LockDown,
    Propose,
    ShowAudit,
    ShowUsers,
    is_urgent,
    pressed,
    typed,
)
from appliance.core.commands import Answer, Command, Mistake
from appliance.core.lockdown import LockdownId
from appliance.core.model import JobId
from appliance.core.parsing import parse
from appliance.core.proposals import ProposalId, Wish
from appliance.core.requests import admin_words
from tests.examples import PLACE, click, message

READ: dict[str, Command] = {
    "/users": ShowUsers(),
    "/grant bob dev": Propose(Wish(is_grant=True, who="bob", what="dev")),
    "/revoke bob /deploy staging in demo": Propose(
        Wish(is_grant=False, who="bob", what="/deploy staging", project="demo")
    ),
    "/grant bob project in": Propose(Wish(is_grant=True, who="bob", what="project in")),
    "/audit": ShowAudit(),
    "/audit bob": ShowAudit(who="bob"),
    "/audit #12": ShowAudit(job=JobId(12)),
    "/audit today": ShowAudit(today=True),
    "/lockdown": LockDown(),
    "/lockdown lost my phone": LockDown("lost my phone"),
    "/lockdown now lost it": LockDown("lost it", is_sure=True),
    "/approve p-k7m2p9": AnswerProposal(ProposalId("p-k7m2p9"), is_accepted=True),
    "/deny p-k7m2p9 not yet": AnswerProposal(
        ProposalId("p-k7m2p9"), is_accepted=False, reason="not yet"
    ),
}


@pytest.mark.parametrize("text", READ)
def test_a_command_is_what_it_says(text: str) -> None:
    assert parse(text, ()) == READ[text]


@pytest.mark.parametrize(
    "text",
    ["/grant", "/grant bob", "/revoke bob", "/grant bob dev\nx", "/audit a b", "/audit ../x"],
)
def test_what_is_not_understood_is_told_how(text: str) -> None:
    assert isinstance(parse(text, ()), Mistake)


def test_only_the_host_lifts() -> None:
    said = parse("/lockdown lift", ())
    assert isinstance(said, Mistake)
    assert "dispatchctl lockdown lift" in str(said.sentence)


def test_what_approves_a_step_approves_no_proposal() -> None:
    assert isinstance(parse("/approve k7m2p9", ()), Answer)


BUTTONS = (
    (administration.accepting(ProposalId("p-k7m2")), "/approve p-k7m2"),
    (administration.refusing(ProposalId("p-k7m2")), "/deny p-k7m2"),
    (administration.locking(LockdownId("abcd1234")), "/lockdown now"),
    (administration.earlier(ShowAudit(who="bob"), 17), "/audit bob"),
    (administration.earlier(ShowAudit(job=JobId(3)), 17), "/audit 3"),
    (administration.earlier(ShowAudit(today=True), 17), "/audit today"),
    (administration.earlier(ShowAudit(), 17), "/audit"),
)


@pytest.mark.parametrize(("token", "words"), BUTTONS)
def test_a_button_can_be_typed_and_fits(token: str, words: str) -> None:
    command = pressed(token)
    assert command is not None
    assert typed(command) == words
    assert len(token.encode()) <= 64


@pytest.mark.parametrize(
    "token", ["gy:k7m2", "gy:p-K7", "lk:", "lk:a b", "au:x:", "au:1:wBOB", "xx:1"]
)
def test_an_invented_button_is_none(token: str) -> None:
    assert pressed(token) is None


def test_every_one_is_judged_as_an_admin_act() -> None:
    for command in READ.values():
        assert admin_words(command, PLACE) not in ("", None)


def test_only_a_lockdown_is_urgent() -> None:
    assert is_urgent(message("/lockdown", 1))
    assert is_urgent(message(" /LOCKDOWN now", 1))
    assert is_urgent(click("lk:abcd", 1))
    assert not is_urgent(message("/lock", 1))
    assert not is_urgent(click("gy:p-k7m2", 1))
