"""Judges one tool call of an agent: the policy's word, and a human's where it asks.

What had to wait for a person is judged again when it can go on: what is done is allowed by the
policy of that moment, not by that of the moment when it was asked for. It fails closed: what
cannot be recorded is refused, whatever the policy says.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from appliance.core.approvals import Approval, ApprovalState, fingerprint
from appliance.core.events import RequestAllowed, RequestDenied, Who
from appliance.core.jobs import Job, PlanAccepted, Step, StepKind
from appliance.core.model import (
    ASK_PEOPLE,
    CONNECT,
    END_PLANNING,
    PLAN_FILE,
    Allowed,
    ApprovalId,
    Asks,
    Decision,
    Denied,
    Proceed,
    Projects,
    Refuse,
    ToolCall,
    ToolRequest,
    Verdict,
)
from appliance.core.questions import Unreadable
from appliance.core.replies import about_calls, about_jobs
from appliance.errors import AnchorUnavailable, AuditUnavailable
from appliance.ports import Audit, BeforeRisk, Clock, Policy, State
from appliance.services.allowance import Allowance, Use
from appliance.services.approvals import Approvals, Held
from appliance.services.changes import Changes
from appliance.services.job_moves import moved, stored
from appliance.services.lockdowns import WhyBarred
from appliance.services.outbox import Outbox
from appliance.services.questions import Questions
from appliance.services.refusals import Refusals
from appliance.services.worktrees import place_of

log = logging.getLogger(__name__)

READING_TOOLS = frozenset({"Read", "Glob", "Grep", "WebFetch", "WebSearch", CONNECT, ASK_PEOPLE})
PLANNING_TOOLS = READING_TOOLS | {PLAN_FILE, END_PLANNING, "Agent", "Task", "TodoWrite"}
"""A sub-agent's calls are judged like the agent's own."""

ANSWER_SECONDS = 3600
"""How long people may take for a question of the agent's or its plan, where no rule says."""

MAX_READABLE = 1_000_000
"""Characters of a step that somebody can be asked about: nobody reads more than that."""

REFUSALS_SHOWN = 3
"""Refused calls told to the chat, each once; further ones are counted in the answer."""

HTTPS = 443


@dataclass(frozen=True, slots=True)
class Restriction:
    """The only tools a job may use, and the sentence for all others."""

    tools: frozenset[str]
    reason: str


ASIDE = Restriction(READING_TOOLS, "this is a question (/ask): it may only read")
PLANNING = Restriction(
    PLANNING_TOOLS,
    "until its plan is approved (/plan) it may only look, with Read, Glob and Grep",
)


@dataclass(slots=True)
class Calls:
    """What became of one job's calls: how many were refused, which approval let one through.

    `opened` by "host:port" the rule that let the agent fetch from there: it takes a connection.
    `inbox`: the directory of the files that came with the job, "" without any.
    """

    refused: int = 0
    told: set[str] = field(default_factory=set)  # summaries of refused calls
    approved: dict[str, ApprovalId] = field(default_factory=dict)  # by tool call id
    opened: dict[str, str] = field(default_factory=dict)
    inbox: str = ""


class Judge:
    """Called for every tool call of every job, before it runs."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        allowance: Allowance,
        approvals: Approvals,
        questions: Questions,
        refusals: Refusals,
        outbox: Outbox,
        projects: Projects,
        changes: Changes,
        before_risk: BeforeRisk,
        clock: Clock,
        why_barred: WhyBarred,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._allowance = allowance
        self._approvals = approvals
        self._questions = questions
        self._refusals = refusals
        self._outbox = outbox
        self._projects = projects
        self._changes = changes
        self._before_risk = before_risk
        self._clock = clock
        self._why_barred = why_barred

    async def __call__(self, job: Job, calls: Calls, call: ToolCall) -> Verdict:
        """The policy's word on one call, and a human's where it asks. Fails closed."""
        if (barred := self._why_barred()) is not None:
            return await self._deny(job, calls, call, Denied(None, str(barred)))
        if (only := self._only(job)) and call.tool not in only.tools:
            return await self._deny(job, calls, call, Denied(None, only.reason))
        if call.tool not in READING_TOOLS:
            place = place_of(self._projects[job.project], job)
            why = _strays(job, place, call) or await self._changes.why_not(job)
            if why:
                return await self._deny(job, calls, call, Denied(None, why))
        call = self._policy.as_run(call)  # from here on there is only what would really run
        if call.tool == CONNECT and (rule := calls.opened.get(about_calls.call_summary(call))):
            return await self._allow(job, call, rule)
        verdict, rule = await self._judged(job, calls, call)
        if isinstance(verdict, Proceed) and call.tool == "WebFetch":
            calls.opened[_host_of(call)] = rule
        return verdict

    async def _judged(self, job: Job, calls: Calls, call: ToolCall) -> tuple[Verdict, str]:
        """The verdict, and the rule that led to it."""
        decision = self._decide(job, calls, call)
        rule = str(decision.rule or "")
        match decision:
            case Allowed() | Asks() if call.tool == ASK_PEOPLE:
                return await self._inquire(job, calls, call, _of_people(decision)), rule
            case Allowed() if call.tool == END_PLANNING:
                return await self._ask(job, calls, call, _of_people(decision)), rule
            case Allowed():
                return await self._allow(job, call, rule), rule
            case Asks():
                return await self._ask(job, calls, call, decision), rule
            case Denied():
                return await self._deny(job, calls, call, decision), rule

    def _decide(self, job: Job, calls: Calls, call: ToolCall) -> Decision:
        """Decided and counted in one step, by one policy."""
        decision = self._policy.decide(self._request(job, calls, call))
        return self._allowance.admit(
            decision, Use(job.requester, job.project, f"job:{job.id}:{call.id}")
        )

    def _request(self, job: Job, calls: Calls, call: ToolCall) -> ToolRequest:
        return ToolRequest(
            user=job.requester,
            project=job.project,
            root=self._projects[job.project].path,
            cwd=call.cwd,
            tool=call.tool,
            input=call.input,
            via=job.place.platform,
            at=self._clock.now(),
            inbox=calls.inbox,
        )

    async def _allow(self, job: Job, call: ToolCall, rule: str, *because: str) -> Verdict:
        try:
            await self._audit.append(
                RequestAllowed(
                    who=Who.agent(job.id),
                    cause=(job.key, f"job:{job.id}", call.id, *because),
                    act=call.tool,
                    object=about_calls.in_one_line(about_calls.call_summary(call), 200),
                    project=job.project,
                    rule=rule,
                    input_sha256=fingerprint(call.tool, call.input),
                    input=about_calls.call_in_full(call),
                )
            )
        except AuditUnavailable as error:
            return _unrecorded(error)
        return Proceed(call.input)

    async def _ask(self, job: Job, calls: Calls, call: ToolCall, asks: Asks) -> Verdict:
        earlier = self._approvals.given_to_all(job, call.tool, asks)
        if earlier is not None:
            self._approvals.let_through(earlier, call.id, about_calls.doing(call))
            return await self._allow(job, call, str(asks.rule), f"approval:{earlier.id}")
        held = _held(job, call, asks)
        if len(held.summary) > MAX_READABLE or len(held.input) > 2 * MAX_READABLE:
            too_long = Denied(asks.rule, "it is too long to be read by whoever would approve it")
            return await self._deny(job, calls, call, too_long)
        try:
            approval = await self._approvals.ask(held)
        except AuditUnavailable as error:
            return _unrecorded(error)
        try:
            answered = await self._approvals.answer_of(approval)
            if answered.state is ApprovalState.GIVEN:
                await self._before_risk(f"approval:{approval.id}")
        except asyncio.CancelledError:
            self._approvals.withdraw(approval)
            raise
        except (AnchorUnavailable, AuditUnavailable) as error:
            self._approvals.withdraw(approval)
            return await self._deny(job, calls, call, Denied(asks.rule, error.message))
        if answered.state is not ApprovalState.GIVEN:
            return Refuse(_why_refused(answered))
        decision = self._policy.decide(self._request(job, calls, call))
        if denied := self._approvals.why_not_any_more(decision, answered):
            self._approvals.withdraw(answered)
            return await self._deny(job, calls, call, denied)
        fits = self._approvals.redeem(
            approval,
            request=call.id,
            input_sha256=fingerprint(call.tool, call.input),
            directory=call.cwd,
        )
        if not fits:
            return Refuse("refused: the approval does not fit this call")
        calls.approved[call.id] = approval.id
        verdict = await self._allow(job, call, str(asks.rule))
        if call.tool == END_PLANNING and isinstance(verdict, Proceed):
            self._accept_plan(job)
        return verdict

    # what is asked of people by the agent itself

    async def _inquire(self, job: Job, calls: Calls, call: ToolCall, asks: Asks) -> Verdict:
        """People's answers go back with the call, if the policy still lets it be made."""
        try:
            answers = await self._questions.ask(job, call, asks)
        except Unreadable as error:
            return await self._deny(job, calls, call, Denied(asks.rule, str(error)))
        except AuditUnavailable as error:
            return _unrecorded(error)
        if isinstance(answers, Refuse):
            return answers
        decision = self._policy.decide(self._request(job, calls, call))
        if isinstance(decision, Denied):
            return await self._deny(job, calls, call, decision)
        verdict = await self._allow(job, call, str(asks.rule))
        return replace(verdict, answers=answers) if isinstance(verdict, Proceed) else verdict

    def _only(self, job: Job) -> Restriction | None:
        """What a job is held to besides the policy."""
        if job.read_only:
            return ASIDE
        current = self._state.job(job.id) if job.only_plans else None
        return PLANNING if current is not None and current.only_plans else None

    def _accept_plan(self, job: Job) -> None:
        with self._state.transaction():
            moved(stored(job.id, self._state), PlanAccepted(), self._state)

    def forget(self, job: Job) -> None:
        """The job ended: nobody waits any more for what its agent asked. Inside a transaction."""
        self._questions.withdraw_all(job)

    # refusing

    async def _deny(self, job: Job, calls: Calls, call: ToolCall, denied: Denied) -> Verdict:
        event = RequestDenied(
            who=Who.agent(job.id),
            cause=(job.key, f"job:{job.id}", call.id),
            act=call.tool,
            object=about_calls.in_one_line(about_calls.call_summary(call), 200),
            project=job.project,
            rule=str(denied.rule or ""),
            reason=denied.reason,
            input_sha256=fingerprint(call.tool, call.input),
            input=about_calls.call_in_full(call),
        )
        try:
            await self._audit.append(event)
        except AuditUnavailable as error:
            log.error("%s not recorded: %s", event.name, error.message)  # refused all the same
        calls.refused += 1
        if event.object not in calls.told and len(calls.told) < REFUSALS_SHOWN:
            calls.told.add(event.object)
            with self._state.transaction():
                step = Step(self._clock.now(), StepKind.REFUSED, about_calls.doing(call))
                self._state.add_step(job.id, step)
                self._refusals.note(job.place, self._request(job, calls, call), denied)
                self._outbox.put(job.place, about_jobs.tool_refused(job, call, denied), job=job.id)
        rule = f" (rule {denied.rule})" if denied.rule else ""
        return Refuse(f"refused: {denied.reason}{rule}")


def _unrecorded(error: AuditUnavailable) -> Refuse:
    return Refuse(f"refused: the audit log cannot be written ({error.message})")


def _of_people(decision: Allowed | Asks) -> Asks:
    """What is for people to answer even where a rule allows the agent to ask."""
    if isinstance(decision, Asks):
        return decision
    return Asks(decision.rule, ttl_seconds=ANSWER_SECONDS)


def _held(job: Job, call: ToolCall, asks: Asks) -> Held:
    why = call.input.get("description")
    return Held(
        job=job,
        request=call.id,
        tool=call.tool,
        summary=about_calls.call_in_full(call),
        input_sha256=fingerprint(call.tool, call.input),
        directory=call.cwd,
        asks=asks,
        why=why if isinstance(why, str) else "",
        input=json.dumps(dict(call.input), ensure_ascii=False, indent=1),
    )


def _strays(job: Job, place: str, call: ToolCall) -> str:
    """Why a file is none of a job that has a worktree: what is written elsewhere is not merged."""
    path = call.input.get("file_path", call.input.get("notebook_path"))
    if job.tree is None or not isinstance(path, str):
        return ""
    where = path if path.startswith("/") else f"{call.cwd}/{path}"
    is_there = where.startswith(f"{place}/") and ".." not in path.split("/")
    return "" if is_there else f"this job works in its own worktree; write to files in {place}"


def _host_of(call: ToolCall) -> str:
    """ "host:port" of what a call fetches from, as a connection to there is summed up."""
    address = urlsplit(str(call.input["url"]))
    return f"{address.hostname}:{address.port or HTTPS}"


def _why_refused(approval: Approval) -> str:
    if approval.tool == END_PLANNING:
        return _why_not_that_plan(approval)
    match approval.state:
        case ApprovalState.REFUSED:
            why = f": {approval.reason}" if approval.reason else ""
            return f"refused by {approval.answered_by}{why}"
        case ApprovalState.EXPIRED:
            return "refused: nobody approved it in time"
        case _:
            return "refused: the question was withdrawn"


def _why_not_that_plan(approval: Approval) -> str:
    match approval.state:
        case ApprovalState.REFUSED:
            why = f": {approval.reason}" if approval.reason else ""
            return (
                f"the plan was not approved by {approval.answered_by}{why}. "
                f"Go on planning: change the plan, then call {END_PLANNING} again."
            )
        case ApprovalState.EXPIRED:
            return "nobody answered about the plan in time. End here; it can be asked again."
        case _:
            return "the question about the plan was withdrawn"
