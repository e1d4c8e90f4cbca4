"""What looking after the running daemon asks of it: judged and recorded like everything else."""

from __future__ import annotations

from appliance.core.events import ActorType, RequestAllowed, RequestDenied, Who
from appliance.core.model import AdminRequest, Allowed, Denied, Json, Platform, UserName
from appliance.errors import ApplianceError
from appliance.ports import Audit, Clock, Policy
from appliance.services.reloading import Reloading

RELOAD = "policy reload"


class NotAllowed(ApplianceError):
    """The policy does not let this user do this."""


class Administration:
    """For users of this machine, at the terminal; `admin_desk` is for people with a phone."""

    def __init__(self, policy: Policy, audit: Audit, reloading: Reloading, clock: Clock) -> None:
        self._policy = policy
        self._audit = audit
        self._reloading = reloading
        self._clock = clock

    async def reload_policy(self, user: UserName) -> dict[str, Json]:
        """Take over the policy files as they are now.

        Raises NotAllowed, or AuditUnavailable: nothing was done.
        """
        who = await self.authorise(user, RELOAD)
        outcome = await self._reloading.reload(who)
        return {
            "outcome": outcome,
            "mistakes": list(self._reloading.mistakes.splitlines()),
            "policy": self._reloading.line(),
        }

    async def authorise(self, user: UserName, words: str) -> Who:
        """Judge and record what somebody at the terminal wants; who that is, for further records.

        Raises NotAllowed, or AuditUnavailable.
        """
        who = Who(ActorType.USER, user, f"{Platform.TERMINAL}:{user}")
        request = AdminRequest(user, words, Platform.TERMINAL, self._clock.now())
        decision = self._policy.decide(request)
        rule = str(decision.rule or "")
        if isinstance(decision, Allowed):
            await self._audit.append(
                RequestAllowed(who=who, act="admin", object=words, project="", rule=rule)
            )
            return who
        reason = decision.reason if isinstance(decision, Denied) else "this cannot wait for a yes"
        await self._audit.append(
            RequestDenied(who=who, act="admin", object=words, project="", rule=rule, reason=reason)
        )
        raise NotAllowed(reason, hint=f"the rule is {rule}" if rule else None)
