"""Logs that reports are made of, and reports of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from appliance.audit.database import DATABASE
from appliance.audit.report.gather import Report, Span, gather
from appliance.audit.writer import Writer, prepare
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalRefused,
    Event,
    JobFailed,
    JobQueued,
    JobStarted,
    MessageIgnored,
    MessageReceived,
    RequestAllowed,
    RequestDenied,
    ToolFinished,
    ToolStarted,
    Who,
)
from tests.audit.lives import BEN, EVE, life
from tests.audit.logs import ANNA, BOOT
from tests.fakes import FakeClock

EVERYTHING = Span()
HASH = "5e" * 32
EDIT = """Edit /srv/web/dates.py
- def parse(text):
-     return None
+ def parse(text):
+     return date.fromisoformat(text)"""

HOSTILE = (
    "</style></pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\" onmouseover='alert(1)' {{7*7}} &lt; ]]> <!-- "
    "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \u200b\ufeff \0 \x85 \ud800 \u2028"
)


def failure(job: int = 13) -> list[Event]:
    """An edit, a failed test, a refused question, one that nobody answered; the job fails."""
    agent, key = Who.agent(job), f"telegram:bot:{9000 + job}"
    cause = (key, f"job:{job}")

    def allowed(request: str, tool: str, about: str, text: str) -> RequestAllowed:
        return RequestAllowed(
            who=agent,
            cause=(*cause, request),
            act=tool,
            object=about,
            project="web",
            rule="policies/default.csv:52",
            input=text,
        )

    def asked(name: str, request: str) -> ApprovalAsked:
        return ApprovalAsked(
            who=agent,
            cause=cause,
            approval=name,
            job=job,
            request=request,
            object="Bash",
            project="web",
            directory="/srv/web",
            rule="policies/default.csv:24",
            input_sha256=HASH,
            expires_at=1_800_000_600_000,
            by=("owner",),
            input="rm -rf build/cache",
        )

    return [
        MessageReceived(who=ANNA, key=key, place="telegram:4711", text="make parse work"),
        RequestAllowed(
            who=ANNA, cause=(key,), act="chat", object="/run", project="web", rule="rules.csv:1"
        ),
        JobQueued(who=ANNA, cause=(key,), job=job, project="web", kind="prompt"),
        JobStarted(cause=(key,), job=job, project="web", kind="prompt", isolation="bubblewrap"),
        allowed("t1", "Edit", "/srv/web/dates.py", EDIT),
        ToolStarted(who=agent, job=job, request="t1", tool="Edit"),
        _finished(job, "t1", "ok", is_error=False),
        allowed("t2", "Bash", "make test", "make test"),
        ToolStarted(who=agent, job=job, request="t2", tool="Bash"),
        _finished(job, "t2", "1 failed", is_error=True),
        asked("q1", "t3"),
        ApprovalRefused(
            who=BEN, cause=cause[1:], approval="q1", job=job, request="t3", reason="not today"
        ),
        asked("q2", "t4"),
        ApprovalExpired(cause=cause[1:], approval="q2", job=job, request="t4"),
        JobFailed(cause=(key,), job=job, reason="the tests do not pass", cost_microdollars=110_000),
    ]


def hostile(job: int = 66) -> list[Event]:
    """The same with everything in it that could do harm in a page."""
    agent, key = Who.agent(job), "telegram:bot:66"
    return [
        MessageReceived(who=ANNA, key=key, place="p", text=HOSTILE * 3),
        JobQueued(who=ANNA, cause=(key,), job=job, project=HOSTILE, kind="prompt"),
        JobStarted(cause=(key,), job=job, project=HOSTILE, kind="prompt", isolation=HOSTILE),
        RequestAllowed(
            who=agent,
            cause=(key, f"job:{job}", "t1"),
            act=HOSTILE,
            object=HOSTILE,
            project=HOSTILE,
            rule=HOSTILE,
            input=f"Edit {HOSTILE}\n- {HOSTILE}\n+ {HOSTILE}",
        ),
        ToolStarted(who=agent, job=job, request="t1", tool=HOSTILE),
        _finished(job, "t1", HOSTILE + "W" * 60_000, is_error=True),
        RequestDenied(
            who=Who(ANNA.type, HOSTILE, HOSTILE),
            act="chat",
            object=HOSTILE,
            project=HOSTILE,
            rule=HOSTILE,
            reason=HOSTILE,
        ),
        JobFailed(cause=(key,), job=job, reason=HOSTILE),
    ]


def others() -> list[Event]:
    return [
        MessageIgnored(platform="telegram", count=17),
        RequestDenied(
            who=EVE, act="chat", object="/deploy prod", project="", rule="", reason="no rule"
        ),
    ]


def log_of(directory: Path, *happenings: Iterable[Event]) -> Path:
    """A log of these events, some seconds between any two."""
    clock = FakeClock()
    writer = Writer(directory, clock, BOOT)
    for event in (event for events in happenings for event in events):
        clock.advance(7)
        writer.commit([[prepare(event)]])
    writer.close()
    return directory / DATABASE


def everything(directory: Path) -> Path:
    return log_of(directory, life(12), failure(), others(), hostile())


def report_of(path: Path, subject: int | Span = EVERYTHING) -> Report:
    now = FakeClock().now()
    return gather(path, subject, now, reading=_unheard, verifying=_unheard)


def _finished(job: int, request: str, output: str, *, is_error: bool) -> ToolFinished:
    return ToolFinished(
        who=Who.agent(job),
        job=job,
        request=request,
        is_error=is_error,
        output_sha256=HASH,
        output=output,
    )


def _unheard(done: int, total: int) -> None:
    pass
