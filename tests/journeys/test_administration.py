"""Two owners look after the appliance from their phones, and the host has the last word."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.house import ALICE, BOB, House

CAROL = 3141


class Owned(House):
    """Alice ("me") and bob are owners; carol is known, and may nothing yet."""

    def _settings(self) -> str:
        return f"{super()._settings()}[users.carol]\ntelegram = [{CAROL}]\n"

    def host(self, *words: str) -> str:
        """What a command says at the host."""
        found = self.ctl(*words, "--config", str(self.home / "dispatch.toml"))
        return found.stdout + found.stderr


def owned(tmp_path: Path, *, separate_audit: bool = False) -> Owned:
    rules = ["g, bob, owner"]
    return Owned(tmp_path, None, rules=rules, separate_audit=separate_audit)


async def greeted(house: House) -> None:
    """Everybody has written once, so that they can be reached."""
    for chat in (ALICE, BOB):
        house.tg.user_says(chat, "/status")
        await house.reads("dispatch-appliance 0", chat)


async def test_one_owner_proposes_and_the_other_lets_it_happen(tmp_path: Path) -> None:
    async with owned(tmp_path) as house:
        await greeted(house)
        house.tg.user_says(CAROL, "/git status")
        await house.reads("Not allowed", CAROL)

        house.tg.user_says(ALICE, "/grant carol /git stauts in demo")
        assert "did you mean" in await house.reads("Not proposed.")
        house.tg.user_says(ALICE, "/grant carol owner")
        await house.reads("only the host can give it")

        house.tg.user_says(ALICE, "/grant carol /git status in demo")
        mine = await house.reads("Nothing changes before bob confirms it.")
        assert "+ p, for-carol, demo, chat, /git status **, allow" in mine
        shown = await house.reads("Nothing changes before you confirm it.", BOB)
        assert "+ carol in demo: chat /git status **: denied → allowed" in shown
        house.tg.user_says(CAROL, "/git status")
        assert house.host("policy", "grants") == "nothing is granted\n"

        house.press("Confirm", BOB)
        await house.reads("/grant carol /git status in demo: confirmed by bob. It holds now.")
        house.tg.user_says(CAROL, "/git status")
        await house.reads("## ", CAROL)
        asked = ("--as", "carol", "--project", "demo", "--chat", "/git status")
        why = house.host("policy", "why", *asked)
        assert "state/grants.csv:3" in why, why
        assert "p, for-carol, demo, chat, /git status **, allow" in house.host("policy", "grants")
        checked = house.host("policy", "check")
        assert "cannot be used" not in checked, checked

        assert await house.stop() == 0
        await house.start()
        house.tg.user_says(CAROL, "/git diff")
        await house.reads('"/git diff": ', CAROL)
        told = house.host("policy", "grants", "--remove", "2")
        assert told == "nothing is granted\n"
        house.tg.user_says(CAROL, "/git status")
        await house.reads('"/git status": ', CAROL)

        kinds = house.kinds()
        order = ["proposal.made", "proposal.accepted", "policy.changed", "grants.removed"]
        assert sorted(order, key=kinds.index) == order
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


async def test_a_lockdown_survives_a_restart_until_the_host_lifts_it(tmp_path: Path) -> None:
    async with owned(tmp_path) as house:
        await greeted(house)
        house.tg.user_says(ALICE, "/lockdown lost my phone")
        await house.reads("Lock down?")
        assert await house.toast(house.press("Lock down now")) == "Everything is stopped."
        assert "lost my phone" in await house.reads("Locked down by me.", BOB)

        house.tg.user_says(BOB, "/test")
        await house.reads("nothing is done until the host lifts it", BOB)
        await house.kill()
        await house.start()
        house.tg.user_says(BOB, "/git status")
        await house.reads("/why tells more", BOB)
        house.tg.user_says(BOB, "/status")
        await house.reads("lockdown: Locked down by me", BOB)
        assert "ran" not in [path.name for path in house.project.iterdir()]

        assert house.host("lockdown", "lift") == "Lifted: what waited goes on.\n"
        await house.reads("Lockdown lifted by me, at the host.", BOB)
        house.tg.user_says(BOB, "/test")
        await house.reads("all tests passed", BOB)
        assert "no lockdown" in house.host("lockdown", "lift")
        kinds = house.kinds()
        assert kinds.count("lockdown.started") == kinds.count("lockdown.lifted") == 1


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
