"""Every number that can be read at any time, and of whom."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from appliance.agent.claude import ClaudeAgent
from appliance.agent.launchers import ChildLaunchers, Launchers
from appliance.app.recorder import RecordedLog
from appliance.app.room import free_bytes
from appliance.chat.telegram.chat import TelegramChat
from appliance.config import Settings
from appliance.core.model import ISOLATION_ORDER
from appliance.host.machine import free_memory
from appliance.host.usage import group_memory, memory_below
from appliance.ports import Dial, Numbers
from appliance.services.coverage import Coverage
from appliance.services.health import Facts, Health
from appliance.services.keep_awake import KeepAwake
from appliance.services.lockdowns import Lockdowns
from appliance.services.observed import Observed
from appliance.services.policy_holder import PolicyHolder
from appliance.services.reloading import Reloading
from appliance.services.strangers import Strangers
from appliance.services.workload import Line, Workload

LEVELS = ", ".join(f"{number} {name}" for number, name in enumerate(ISOLATION_ORDER))


def of_daemon(
    facts: Facts, health: Health, lockdowns: Lockdowns, claude: ClaudeAgent | None
) -> Iterator[Dial]:
    versions = facts.version, platform.python_version()
    yield Dial(
        "build_info",
        "What runs here, in its labels",
        lambda: {(*versions, claude.version if claude else ""): 1},
        ("version", "python", "claude"),
    )
    yield _dial("healthy", "1 while requests are served, as /healthz", lambda: not health.ailment())
    yield _dial("lockdown", "1 while a lockdown holds", lambda: lockdowns.refusal is not None)
    yield _dial(
        "isolation_level",
        f"The wall around tasks: {LEVELS}",
        lambda: ISOLATION_ORDER.index(facts.isolation),
    )
    yield _dial(
        "minimum_isolation_level",
        "Below this level tasks are refused",
        lambda: ISOLATION_ORDER.index(facts.minimum_isolation),
    )


def of_work(work: Workload) -> Iterator[Dial]:
    yield Dial("jobs", "Jobs that are not over", work.jobs, ("project", "state"))
    yield from _line("queue", "length", "Jobs that wait for their turn", work.queue)
    yield from _line("approvals", "open", "Questions that wait for a person", work.approvals)
    yield from _line("outbox", "length", "Posts that wait to be sent", work.outbox)


def of_chats(strangers: Strangers, telegram: TelegramChat | None) -> Iterator[Dial]:
    yield Dial(
        "messages_ignored",
        "Messages from nobody we know",
        lambda: _labelled(strangers.totals()),
        ("platform",),
        only_grows=True,
    )
    if telegram is not None:
        yield Dial(
            "flood_budget_left_ratio",
            "Calls that may be made, of the chat of its kind that has least left: 1 all, 0 none",
            lambda: _labelled(telegram.budget.left()),
            ("chats",),
        )


def of_log(log: RecordedLog, observed: Observed, coverage: Coverage) -> Iterator[Dial]:
    yield _dial("audit_writable", "1 while records are taken", lambda: not log.refusal)
    yield _dial("audit_records", "Number of the newest record", lambda: observed.seq)
    yield _dial(
        "audit_uncovered_seconds",
        "For how long there have been records that no checkpoint elsewhere covers, 0 without any",
        coverage.uncovered_seconds,
    )
    yield Dial(
        "audit_anchored_records",
        "Records that the newest checkpoint covers that this sink has confirmed",
        lambda: _labelled(coverage.sizes()),
        ("sink",),
    )
    yield Dial(
        "audit_anchor_timestamp_seconds",
        "When this sink confirmed it",
        lambda: _labelled({sink: at / 1000 for sink, at in coverage.times().items()}),
        ("sink",),
    )


def of_policy(policy: PolicyHolder, reloading: Reloading) -> Iterator[Dial]:
    yield _dial("policy_rules", "Rules of the policy that holds", lambda: policy.current.rules)
    yield _dial(
        "policy_loaded_timestamp_seconds", "When it was loaded", lambda: reloading.since / 1000
    )
    yield _dial(
        "policy_edit_rejected",
        "1 while the files say something else that is not taken over",
        lambda: bool(reloading.mistakes),
    )


def of_machine(settings: Settings, keep_awake: KeepAwake, launchers: Launchers) -> Iterator[Dial]:
    yield _dial("awake_enabled", "1 when work keeps it awake", lambda: settings.awake.enabled)
    yield _dial("awake", "1 while it is kept awake", lambda: keep_awake.is_holding)
    yield _dial(
        "awake_trouble",
        "1 while something hinders that, such as a battery that runs low",
        lambda: bool(keep_awake.trouble()),
    )
    places = {"state": Path(settings.daemon.state), "audit": settings.audit_directory}
    yield Dial(
        "disk_free_bytes",
        "Room where the state database and the audit log are",
        lambda: _labelled({name: free_bytes(path) for name, path in places.items()}),
        ("of",),
    )
    yield _dial("memory_free_bytes", "What programs can still get", free_memory)
    yield _dial(
        "tasks_memory_bytes", "What all tasks use together", lambda: _memory_of_tasks(launchers)
    )


def _line(name: str, count: str, what: str, read: Callable[[], Line]) -> Iterator[Dial]:
    yield _dial(f"{name}_{count}", what, lambda: read().length)
    age = f"{what}: age of the first, 0 without any"
    yield _dial(f"{name}_oldest_seconds", age, lambda: read().oldest_seconds)


def _dial(name: str, summary: str, read: Callable[[], float]) -> Dial:
    return Dial(name, summary, lambda: {(): float(read())})


def _labelled(numbers: Mapping[str, float]) -> Numbers:
    return {(name,): number for name, number in numbers.items()}


def _memory_of_tasks(launchers: Launchers) -> int:
    """Children of ours are counted; around those of systemd there is a control group."""
    if isinstance(launchers, ChildLaunchers):
        return memory_below(launchers.pids)
    return group_memory()
