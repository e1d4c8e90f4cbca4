"""Two owners look after the appliance from their phones, and the host has the last word."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.journeys.house import ALICE, BOB, House
from tests.journeys.story import Story

CAROL = 3141


class Owned(House):
    """Alice ("me") and bob are owners; carol is known, and may nothing yet."""

    def _settings(self) -> str:
        return f"{super()._settings()}[users.carol]\ntelegram = [{CAROL}]\n"

    def host(self, *words: str) -> str:
        """What a command says at the host."""
        found = self.ctl(*words, "--config", str(self.home / "dispatch.toml"))
        return found.stdout + found.stderr


def owned(tmp_path: Path, *, separate_audit: bool = False, owner: str = "me") -> Owned:
    rules = ["g, bob, owner"]
    return Owned(tmp_path, None, rules=rules, separate_audit=separate_audit, owner=owner)


async def greeted(house: House) -> None:
    """Everybody has written once, so that they can be reached."""
    for chat in (ALICE, BOB):
        house.tg.user_says(chat, "/status")
        await house.reads("dispatch-appliance 0", chat)


async def test_one_owner_proposes_the_other_confirms_and_locks_down(tmp_path: Path) -> None:
    title = "Two owners look after the appliance; the host has the last word."
    places = {ALICE: "to alice", BOB: "to bob", CAROL: "to carol"}
    async with (
        owned(tmp_path, owner="alice") as house,
        Story(house, "administration", title, places, {CAROL: "carol"}) as story,
    ):
        await story.says("/status", BOB)
        await story.says("/git status", CAROL)
        await story.says("/users")
        await story.says("/grant carol /git stauts in demo")
        await story.says("/grant carol owner")
        await story.says("/grant carol /git status in demo")
        assert house.host("policy", "grants") == "nothing is granted\n"
        await story.presses("Confirm", BOB)
        await story.says("/git status", CAROL)
        await story.says("/audit carol")
        asked = ("--as", "carol", "--project", "demo", "--chat", "/git status")
        why = house.host("policy", "why", *asked)
        assert "state/grants.csv:3" in why, why
        assert "p, for-carol, demo, chat, /git status **, allow" in house.host("policy", "grants")
        checked = house.host("policy", "check")
        assert "cannot be used" not in checked, checked

        await story.says("/lockdown lost my phone")
        await story.presses("Lock down now")
        await story.says("/test", BOB)
        await house.kill()
        await house.start()
        await story.says("/git status", BOB)
        await story.says("/why", BOB)
        await story.says("/status", BOB)
        assert "ran" not in [path.name for path in house.project.iterdir()]
        lifted = asyncio.to_thread(house.host, "lockdown", "lift")
        await story.host("dispatchctl lockdown lift", lifted)
        await story.says("/test", BOB)
        assert "no lockdown" in house.host("lockdown", "lift")

        removed = asyncio.to_thread(house.host, "policy", "grants", "--remove", "2")
        await story.host("dispatchctl policy grants --remove 2", removed)
        await story.says("/git status", CAROL)
        kinds = house.kinds()
        order = ["proposal.made", "proposal.accepted", "policy.changed", "grants.removed"]
        assert sorted(order, key=kinds.index) == order
        assert kinds.count("lockdown.started") == kinds.count("lockdown.lifted") == 1
        assert "intact" in house.verify()


async def test_a_phone_alone_is_not_enough_but_a_phone_and_the_host_are(tmp_path: Path) -> None:
    async with owned(tmp_path) as house:
        await greeted(house)
        house.tg.user_says(ALICE, "/grant carol demo")
        asked = await house.reads("Nothing changes before bob confirms it.")
        proposal = next(word for word in asked.split() if word.startswith("p-"))
        house.tg.user_says(ALICE, f"/approve {proposal}")
        await house.reads("somebody else confirms it")
        house.tg.user_says(CAROL, f"/approve {proposal}")
        await house.reads("Not allowed", CAROL)

        assert proposal in house.host("policy", "proposals")
        assert "It holds now." in house.host("policy", "accept", proposal)
        assert "for-carol, demo, bash, **, approve, by=owner fallback" in house.host(
            "policy", "grants"
        )
        accepted = [r for r in house.records() if r["kind"] == "proposal.accepted"]
        assert accepted[0]["actor"]["auth"] == "terminal:me"
        assert "confirmed by me" in house.host("policy", "reject", proposal)


async def test_the_log_is_shown_though_another_program_keeps_it(tmp_path: Path) -> None:
    async with owned(tmp_path, separate_audit=True) as house:
        await greeted(house)
        house.tg.user_says(ALICE, "/test")
        await house.reads("all tests passed")
        house.tg.user_says(ALICE, "/audit bob")
        page = await house.reads("signed ✓")
        assert "✓ bob /status" in page
        assert "me" not in page.splitlines()[1]
        house.tg.user_says(ALICE, "/audit 1")
        await house.reads("job.started")
        house.tg.user_says(CAROL, "/audit")
        await house.reads("Not allowed", CAROL)

        house.tg.user_says(ALICE, "/users")
        users = await house.reads("3 users")
        assert "me · owner · demo · 2 accounts · here now" in users
        assert "carol · no role · 1 account" in users
