"""Everything we raise on purpose, with its exit status and a hint for the person who reads it.

Outcomes (denied, timed out, cancelled, the agent's own failure to solve a task) are values in
`appliance.core`, not errors. An error ends in one sentence for a person: what happened, to
what, and what to do. `appliance.app.cli` is the only place that catches them all.
"""

from __future__ import annotations


class ApplianceError(Exception):
    """Base of all errors raised on purpose; `hint` says what to do about it."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(ApplianceError):
    """Settings or credentials are wrong. The message lists every mistake with file and line."""

    exit_status = 78


class PolicyError(ApplianceError):
    """The policy cannot be loaded: start-up stops, a reload keeps the last good one."""

    exit_status = 78


class AuditBroken(ApplianceError):
    """Stored records do not match their hashes or signatures; the message names the first."""

    exit_status = 65


class AuditUnavailable(ApplianceError):
    """A record could not be made durable: the act in hand is refused."""

    exit_status = 74


class StorageUnavailable(ApplianceError):
    """The state database cannot be written (disk full, locked, damaged): nothing is accepted."""

    exit_status = 74


class BackupUnusable(ApplianceError):
    """A backup cannot be read, or is not what was backed up: nothing of it was put in place."""

    exit_status = 65


class WrongMoment(ApplianceError):
    """An event that this job's state does not allow: our bug."""

    exit_status = 70


class SandboxRefused(ApplianceError):
    """The host cannot enforce the limits: the job is not run without them."""

    exit_status = 71


class AgentFailed(ApplianceError):
    """The agent could not start, or broke its protocol."""

    exit_status = 69


class ChatUnavailable(ApplianceError):
    """The far side of a chat is down or asks us to wait: the same post is tried again.

    `retry_after_seconds` is what the platform asked for, None when it did not say. `is_in_doubt`
    is False only when the platform surely did not take the post.
    """

    exit_status = 69

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        is_in_doubt: bool = True,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds
        self.is_in_doubt = is_in_doubt


class ChatRefused(ApplianceError):
    """The platform will never take this post (chat gone, bot blocked): given up, and logged."""

    exit_status = 69


class NotHeard(ApplianceError):
    """A spoken message could not be written down; its sender is told why."""

    exit_status = 69


class WakeUnavailable(ApplianceError):
    """This machine cannot be kept awake, or another one not be woken: work goes on all the same."""

    exit_status = 69


class AnchorUnavailable(ApplianceError):
    """A checkpoint could not be kept elsewhere: tried again later, and shown in health."""

    exit_status = 69
