"""What people who look after the appliance look up from a phone: who there is, what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from appliance.core.administration import ShowAudit
from appliance.core.model import (
    CommandRequest,
    Denied,
    Millis,
    Platform,
    ProjectName,
    Reply,
    UserName,
)
from appliance.core.replies import about_administration as words
from appliance.errors import AuditUnavailable
from appliance.ports import Clock, LivePolicy, LogReader, State
from appliance.services.people import People
from appliance.services.policy_holder import PolicyHolder

DAY_MS = 24 * 3600 * 1000

RolesOf = Callable[[LivePolicy, UserName], Sequence[str]]
"""The roles that a policy gives somebody."""


class Overview:
    """Looks up, and changes nothing."""

    def __init__(
        self,
        state: State,
        log: LogReader,
        policy: PolicyHolder,
        roles_of: RolesOf,
        people: People,
        users: Collection[UserName],
        automations: Collection[UserName],
        projects: Iterable[ProjectName],
        clock: Clock,
    ) -> None:
        self._state = state
        self._log = log
        self._policy = policy
        self._roles_of = roles_of
        self._people = people
        self._users = sorted(users)
        self._automations = automations
        self._projects = sorted(projects)
        self._clock = clock

    def users(self) -> Reply:
        """/users: everybody in the settings, with what the policy says now."""
        accounts = Counter(self._people.declared.values())
        accounts.update(account.user for account in self._state.accounts())
        lines = [self._line(user, accounts[user]) for user in self._users]
        return words.users(lines, self._clock.now())

    def _line(self, user: UserName, accounts: int) -> words.UserLine:
        return words.UserLine(
            name=user,
            roles=tuple(self._roles_of(self._policy.current, user)),
            projects=tuple(name for name in self._projects if self._works_in(user, name)),
            accounts=accounts,
            is_automation=user in self._automations,
            last_seen=self._state.last_seen(user),
        )

    def _works_in(self, user: UserName, project: ProjectName) -> bool:
        request = CommandRequest(user, project, "/run", Platform.TELEGRAM, self._clock.now())
        return not isinstance(self._policy.decide(request), Denied)

    async def audit(self, asked: ShowAudit) -> Reply:
        """/audit: a page of the log, checked against what was signed, or why there is none."""
        since = self._clock.now() - DAY_MS if asked.today else 0
        try:
            page = await self._log.newest(asked.who, asked.job or 0, since, asked.before)
        except AuditUnavailable as error:
            return words.audit_is_not_to_be_read(error.message)
        return words.audit(page, asked, Millis(self._clock.now()))
