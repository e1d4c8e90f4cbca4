"""The policy directory while people edit it: under load, half-written, broken, mended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.app.policy_files import PolicyDirectory, policy_in
from appliance.config import load
from appliance.core.events import PolicyChanged
from appliance.core.model import Allowed, CommandRequest, Denied, Platform, ProjectName, UserName
from appliance.services.policy_holder import PolicyHolder
from appliance.services.reloading import Outcome, Reloading
from tests.fakes_clock import HurriedClock
from tests.policy.policies_on_disk import tool, write
from tests.services.rig import ListAudit

SETTINGS = """
[daemon]
state = "{home}/state"
policies = "{home}/policies"
credentials = "{home}/credentials"
[terminal]
socket = "{home}/control.sock"
[users.me]
unix = [1000]
[projects.demo]
path = "{home}/demo"
"""
GRANT = "g, me, dev"
ALWAYS = "p, dev, *, chat, /always, allow"
ONCE = "p, dev, *, chat, /now and then, allow"
FILLING = [f"p, dev, *, bash, git log {n}, allow" for n in range(40)]
RELOADS, READERS = 20, 4


class House:
    """Policy files, and who watches them."""

    def __init__(self, home: Path) -> None:
        (home / "demo").mkdir()
        (home / "dispatch.toml").write_text(SETTINGS.format(home=home))
        self.policies = write(home / "policies", GRANT, ALWAYS)
        self.files = PolicyDirectory(load(home / "dispatch.toml"))
        self.holder = PolicyHolder(self.files.load())
        self.audit, self.told = ListAudit(), list[str]()
        self.reloading = Reloading(
            self.files,
            self.holder,
            self.audit,
            lambda reply: self.told.append(reply.body.text),
            HurriedClock(),
        )

    def writes(self, *lines: str) -> None:
        write(self.policies, GRANT, *lines)

    def says(self, words: str) -> Allowed | Denied:
        decision = self.holder.decide(
            CommandRequest(UserName("me"), ProjectName("demo"), words, Platform.TERMINAL)
        )
        assert isinstance(decision, Allowed | Denied)
        return decision


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@contextmanager
def reading(house: House) -> Iterator[tuple[list[str], list[int]]]:
    """Threads that ask the newest policy as fast as they can; what was wrong, and how often."""
    wrong: list[str] = []
    counts = [0] * READERS
    is_over = threading.Event()

    def read(number: int) -> None:
        while not is_over.wait(0.0005):
            counts[number] += 1
            for words, right in (("/always", Allowed), ("/never", Denied)):
                if not isinstance(decision := house.says(words), right):
                    wrong.append(f"{words}: {decision}")
            now_and_then = house.says("/now and then")
            if isinstance(now_and_then, Allowed) and now_and_then.rule.text != ONCE:
                wrong.append(f"allowed by {now_and_then.rule.text}")

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield wrong, counts
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


async def test_reloads_under_load_never_give_a_wrong_decision(house: House) -> None:
    with reading(house) as (wrong, counts):
        for number in range(RELOADS):
            extra = [ONCE] if number % 2 == 0 else []
            house.writes(*FILLING, ALWAYS, *extra)
            assert await house.reloading.reload() is Outcome.TAKEN
            assert isinstance(house.says("/now and then"), Allowed) == bool(extra)
    assert wrong == []
    assert min(counts) > RELOADS
    changed = [event for event in house.audit.events if isinstance(event, PolicyChanged)]
    assert len(changed) == RELOADS


async def test_the_loop_goes_on_while_a_policy_is_loaded(house: House) -> None:
    house.writes(*(f"p, dev, *, bash, git log {n}, allow" for n in range(3000)))
    turns = 0
    async with asyncio.TaskGroup() as group:
        reload = group.create_task(house.reloading.reload())
        while not reload.done():
            await asyncio.sleep(0)
            turns += 1
    assert reload.result() is Outcome.TAKEN
    assert turns > 20


async def test_a_broken_edit_names_file_and_line_and_nothing_changes(house: House) -> None:
    house.writes(ALWAYS, "p, dev, *, chat, /all, alow")
    assert await house.reloading.reload() is Outcome.REJECTED
    assert "policies/rules.csv:3" in house.told[0]
    assert isinstance(house.says("/always"), Allowed)
    assert isinstance(house.says("/all"), Denied)


async def test_a_directory_that_is_gone_keeps_the_policy(house: House) -> None:
    house.policies.rename(house.policies.with_suffix(".away"))
    assert await house.reloading.reload() is Outcome.REJECTED
    assert isinstance(house.says("/always"), Allowed)
    assert house.files.version().startswith("unreadable")


def test_every_way_to_change_a_file_changes_the_version(house: House) -> None:
    rules = house.policies / "rules.csv"
    seen = {house.files.version()}
    rules.write_text(rules.read_text() + "# more\n")
    seen.add(house.files.version())
    fresh = house.policies / "rules.new~"
    fresh.write_text(rules.read_text())
    fresh.replace(rules)
    seen.add(house.files.version())
    (house.policies / "more.csv").write_text("")
    seen.add(house.files.version())
    (house.policies / "more.csv").unlink()
    (house.policies / ".#rules.csv").symlink_to("me@here.4711")  # as Emacs locks a file
    seen.add(house.files.version())
    rules.write_text(rules.read_text() + "# while it is locked\n")
    seen.add(house.files.version())
    assert len(seen) == 6


def test_no_wide_rule_reaches_what_is_ours(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    (home / "demo").mkdir()
    (home / "dispatch.toml").write_text(
        SETTINGS.format(home=home)
        + f'[audit]\ndirectory = "{home}/log"\nanchor_file = "{home}/disk/anchors"\n'
    )
    wide = (f"p, dev, *, {act}, {home}/**, allow" for act in ("read", "write"))
    write(home / "policies", GRANT, *wide)
    policy = policy_in(home / "policies", load(home / "dispatch.toml"))
    ours = {
        "policies/rules.csv", "state/x", "credentials/token", "dispatch.toml", "log/audit.db",
        "disk/anchors",
    }  # fmt: skip
    for name, call in (("Read", {}), ("Write", {"content": ""})):
        within_reach = {
            path
            for path in (*ours, "disk/other", "demo/a.py")
            if isinstance(
                policy.decide(tool(home, name, file_path=f"{home}/{path}", **call)), Allowed
            )
        }
        assert within_reach == {"disk/other", "demo/a.py"}
