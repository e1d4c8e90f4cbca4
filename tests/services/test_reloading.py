"""An edit of the policy holds as a whole, recorded and told, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from appliance.core.events import PolicyChanged, PolicyLoaded, PolicyRejected
from appliance.core.model import Reply
from appliance.errors import PolicyError
from appliance.ports import LivePolicy
from appliance.services.policy_holder import PolicyHolder
from appliance.services.reloading import Outcome, Reloading
from tests.fakes_clock import HurriedClock
from tests.services.rig import ListAudit, TablePolicy


@dataclass
class Files:
    """A policy whose text is its fingerprint; one with "broken" in it cannot be loaded."""

    text: str = "one"
    path: str = "/etc/policies"
    loads: int = 0
    while_loading: Callable[[], None] = field(default=lambda: None)

    def version(self) -> str:
        return self.text

    def load(self) -> LivePolicy:
        self.loads += 1
        text = self.text
        self.while_loading()
        if "broken" in text:
            raise PolicyError("\n".join(f"rules.csv:{n}: {text}" for n in (3, 9)))
        return TablePolicy(sha256=text * 8)

    def difference(self, before: LivePolicy, after: LivePolicy) -> tuple[str, ...]:
        return (f"- {before.sha256}", f"+ {after.sha256}")


class Watch:
    """Files, who watches them, and what came of it."""

    def __init__(self) -> None:
        self.files = Files()
        self.audit = ListAudit()
        self.clock = HurriedClock()
        self.told: list[str] = []
        self.changed = asyncio.Condition()
        self.holder = PolicyHolder(self.files.load())
        self.files.loads = 0
        self.reloading = Reloading(self.files, self.holder, self.audit, self.tell, self.clock)

    def tell(self, reply: Reply) -> None:
        self.told.append(reply.body.text)

    @property
    def live(self) -> str:
        return self.holder.current.sha256[:3]


async def test_a_good_edit_is_recorded_with_its_difference_and_holds() -> None:
    watch = Watch()
    watch.files.text = "two"
    assert await watch.reloading.reload() is Outcome.TAKEN
    assert watch.live == "two"
    loaded, changed = watch.audit.events
    assert isinstance(loaded, PolicyLoaded)
    assert isinstance(changed, PolicyChanged)
    assert changed.changes == ("- oneoneoneoneoneoneoneone", "+ twotwotwotwotwotwotwotwo")
    assert len(watch.audit.commits) == 1
    assert "Policy · new rules hold" in watch.told[0]
    assert "+ two" in watch.told[0]


async def test_a_broken_edit_keeps_the_last_good_policy_and_is_told_once() -> None:
    watch = Watch()
    watch.files.text = "broken"
    assert await watch.reloading.reload() is Outcome.REJECTED
    assert await watch.reloading.reload() is Outcome.REJECTED
    assert watch.live == "one"
    assert len(watch.told) == 1
    assert "rules.csv:3: broken" in watch.told[0]
    assert "The rules before it stay: oneoneon" in watch.told[0]
    (rejected,) = watch.audit.events
    assert isinstance(rejected, PolicyRejected)
    assert rejected.reason.splitlines() == ["rules.csv:3: broken", "rules.csv:9: broken"]
    assert watch.reloading.trouble() == "rules.csv:3: broken (and 1 more)"


async def test_mending_a_broken_edit_is_told_too() -> None:
    watch = Watch()
    watch.files.text = "broken"
    await watch.reloading.reload()
    watch.files.text = "one"
    assert await watch.reloading.reload() is Outcome.SAME
    assert "again what holds" in watch.told[-1]
    assert watch.reloading.trouble() == ""
    watch.files.text = "broken"
    await watch.reloading.reload()
    watch.files.text = "two"
    assert await watch.reloading.reload() is Outcome.TAKEN
    assert watch.reloading.trouble() == ""


async def test_what_is_written_while_it_is_read_is_not_loaded() -> None:
    watch = Watch()
    watch.files.text = "two"
    watch.files.while_loading = lambda: setattr(watch.files, "text", "three")
    assert await watch.reloading.reload() is Outcome.UNSETTLED
    watch.files.text, watch.files.while_loading = (
        "broken",
        lambda: setattr(watch.files, "text", "on"),
    )
    assert await watch.reloading.reload() is Outcome.UNSETTLED
    assert watch.live == "one"
    assert watch.told == []
    assert watch.audit.events == []


async def test_what_the_log_cannot_take_does_not_hold() -> None:
    watch = Watch()
    watch.files.text, watch.audit.broken = "two", "disk full"
    assert await watch.reloading.reload() is Outcome.UNRECORDED
    assert watch.live == "one"
    watch.audit.broken = ""
    assert await watch.reloading.reload() is Outcome.TAKEN


async def test_a_long_difference_is_cut_in_the_record_and_in_the_chat() -> None:
    watch = Watch()
    watch.files.difference = lambda *_: tuple(f"+ line {n}" for n in range(500))  # type: ignore[method-assign]
    watch.files.text = "two"
    await watch.reloading.reload()
    changed = watch.audit.events[-1]
    assert isinstance(changed, PolicyChanged)
    assert changed.changes[-1] == "and 300 more"
    assert "and 492 more" in watch.told[0]


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():
            await asyncio.sleep(0)


async def test_files_are_loaded_once_they_have_settled_and_once_only() -> None:
    watch = Watch()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.reloading.run(lambda: None))
        await until(lambda: len(watch.clock.naps) > 3)
        before = watch.files.loads
        watch.files.text = "two"
        await until(lambda: watch.live == "two")
        naps = len(watch.clock.naps)
        await until(lambda: len(watch.clock.naps) > naps + 5)
        task.cancel()
    assert watch.files.loads == before + 1


async def for_ever(seconds: float) -> None:
    await asyncio.Event().wait()


async def test_a_signal_makes_it_look_at_once() -> None:
    watch = Watch()
    watch.clock.sleep = for_ever  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.reloading.run(lambda: None))
        await until(lambda: not watch.reloading._one_at_a_time.locked())
        watch.files.text = "two"
        watch.reloading.ask()
        await until(lambda: watch.live == "two")
        task.cancel()


async def test_the_line_for_status_says_which_policy_holds_and_for_how_long() -> None:
    watch = Watch()
    watch.clock.advance(300)
    assert watch.reloading.line() == "oneoneon, 1 rules, for 5 min"


def test_a_holder_answers_by_the_newest_snapshot() -> None:
    first = TablePolicy(sha256="1")
    holder = PolicyHolder(first)
    holder.swap(replace(first, sha256="2"))
    assert holder.current.sha256 == "2"
