"""People edit the policy while the appliance runs, and are told on the phone what came of it."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.journeys.house import ALICE, BOB, House


class Lived(House):
    """A house without an agent, whose rules are edited."""

    @property
    def rules(self) -> Path:
        return self.home / "policies/more.csv"


async def test_an_edit_holds_without_a_restart_and_a_broken_one_does_not(tmp_path: Path) -> None:
    async with Lived(tmp_path, None, walled=False) as house:
        house.tg.user_says(ALICE, "/status")
        await house.reads("policy: ")
        house.tg.user_says(BOB, "/git status")
        assert "Not allowed" in await house.reads("no rule allows it", BOB)

        house.rules.write_text("g, bob, guest\np, guest, demo, chat, /git **, allow\n")
        told = await house.reads("Policy · new rules hold")
        assert "+ bob" in told
        house.tg.user_says(BOB, "/git status")
        await house.reads("## ", BOB)

        house.rules.write_text("g, bob, guest\np, guest, demo, chat, /git **, alow\n")
        told = await house.reads("Policy · your edit does not hold")
        assert "policies/more.csv:2" in told
        house.tg.user_says(BOB, "/git log")
        await house.reads("Job 3 failed", BOB)  # there is no commit yet
        house.tg.user_says(ALICE, "/status")
        await house.reads("policy trouble: policies/more.csv:2")
        asked = house.ctl("policy", "reload", "--config", str(tmp_path / "dispatch.toml"))
        assert asked.returncode == 1
        assert "the edit does not hold" in asked.stdout
        assert "policies/more.csv:2" in asked.stdout
        doctor = house.ctl("doctor", "--config", str(tmp_path / "dispatch.toml"))
        assert "an edit is rejected: policies/more.csv:2" in doctor.stdout

        house.rules.unlink()
        assert house.daemon is not None
        house.daemon.send_signal(signal.SIGHUP)
        await house.reads("- bob")
        house.tg.user_says(BOB, "/git diff")
        await house.reads('"/git diff": ', BOB)

        assert await house.stop() == 0
        changes = [r["d"]["changes"] for r in house.records() if r["kind"] == "policy.changed"]
        assert [change[0][:5] for change in changes] == ["+ bob", "- bob"]
        kinds = house.kinds()
        assert kinds.count("policy.rejected") == 1
        assert kinds.count("policy.loaded") == 3
        assert "intact" in house.verify()
