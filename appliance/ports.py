"""Every outside thing we need, as a Protocol, on one page.

Adapters implement these without knowing each other; services tell the story with them alone;
`appliance.app.wiring` is where the two meet. Each port has one contract suite in
`tests/contracts`, run against the fake and against every adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from appliance.core.events import Event
from appliance.core.model import (
    CommandRequest,
    Asks,
    Decision,
    Incoming,
    Millis,
    Platform,
    Post,
    Progress,
    Recipe,
    Reply,
    Request,
    Rule,
    Task,
    TaskEvent,
    ToolCall,
    UserName,
    Verdict,
)

Ready = Callable[[], None]
"""A part calls this once, when it can do its work."""

Intake = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Takes a batch; returns once all of it is durable. Only then may the platform be told so.

Raises StorageUnavailable: nothing of the batch was accepted; offer it again.
"""

Judge = Callable[[ToolCall], Awaitable[Verdict]]
"""Decides one tool call; may wait for a human, for hours. Cancelled when the agent withdraws it."""


class Clock(Protocol):
    """Time, so that tests can jump it."""

    def now(self) -> Millis:
        """Wall clock, for people and records."""

    def monotonic(self) -> float:
        """Seconds that never jump, for time-outs."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""


class Chat(Protocol):
    """One platform where people write to us."""

    @property
    def platform(self) -> Platform: ...

    async def run(self, intake: Intake, ready: Ready) -> None:
        """Receive until cancelled: fetch → `await intake(batch)` → only then confirm.

        Never raises because the far side is down: it retries with backoff and says so in the log.
        """

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        """Render and split a reply into posts that this platform takes whole.

        The parts' bodies are `Rich`; buttons stay on the last part; very long text becomes a
        short beginning and an attached file. Pure: same reply, same parts.
        """

    async def send(self, post: Post) -> str:
        """Deliver a prepared post and return the platform's message id.

        Waits for the outbound budget. Raises ChatUnavailable (try the same post again) or
        ChatRefused (never again).
        """

    async def find(self, post: Post) -> str | None:
        """The message id of a post whose sending was cut off, or None if it never arrived.

        Raises ChatUnavailable when that cannot be found out now.
        """

    def show(self, progress: Progress) -> None:
        """Show what a job does now if there is room in the budget; never waits, never fails."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the audit log gives back after COMMIT: the last record's number and the tree's head."""

    seq: int
    root: bytes


class Audit(Protocol):
    """The append-only signed log."""

    async def append(self, *events: Event) -> Receipt:
        """Make the events durable in this order, in one commit.

        Raises AuditUnavailable: nothing was recorded, and the caller must not act.
        """


class Policy(Protocol):
    """A loaded policy: immutable; a reload makes another one."""

    def decide(self, request: Request) -> Decision:
        """Judge a request. Pure and quick; anything not understood is at best `Asks`."""

    def may_approve(self, user: UserName, requester: UserName, asks: Asks) -> bool:
        """Whether `user` may answer what `requester` asked for."""

    def approvers(self, requester: UserName, asks: Asks) -> tuple[UserName, ...]:
        """Everybody for whom `may_approve` holds, in order of name."""

    def roles(self, user: UserName) -> tuple[str, ...]:
        """The roles of a user, inherited ones too."""

    def recipes(self) -> tuple[Recipe, ...]:
        """The commands of commands.toml."""


class AgentSession(Protocol):
    """A running task. `events` ends with exactly one `Ended`, whatever happens to the process."""

    def events(self) -> AsyncIterator[TaskEvent]: ...

    async def steer(self, text: str) -> bool:
        """Give the running agent a further message; False: it cannot take one (any more)."""

    async def interrupt(self) -> None:
        """Ask the agent to stop; `Ended(CANCELLED)` follows. Kills it when it does not listen."""


class Agent(Protocol):
    """Something that can work on a task: a coding agent, or the runner of recipes."""

    async def ready(self) -> None:
        """Raises AgentFailed, in one sentence with a hint, while this agent must not be used."""

    def start(self, task: Task, judge: Judge) -> AbstractAsyncContextManager[AgentSession]:
        """Start the task; leaving the context leaves no process behind.

        Entering raises SandboxRefused or AgentFailed.
        """
