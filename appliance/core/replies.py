"""Decisions and events to words and buttons, the same for every chat.

Short, plain, no blame: what happened, what to do. Values from outside go through
`commands.shown` or stand in a code span, so that they cannot pose as our words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appliance.core import changes
from appliance.core.approvals import Approval, ApprovalState, may_be_for_job
from appliance.core.commands import BUILTINS, readable, shown
from appliance.core.jobs import Job, State
from appliance.core.keep_awake import LONGEST_SESSION_HOURS, named, time_of_day
from appliance.core.model import (
    Asks,
    Button,
    ButtonKind,
    CommandRequest,
    Denied,
    JobId,
    Json,
    Markdown,
    Millis,
    Project,
    Recipe,
    Reply,
    Rich,
    Span,
    Style,
    ToolCall,
    ToolRequest,
    Usage,
)
from appliance.core.wake_on_lan import HostName

MAX_SHOWN_INPUT = 3000
"""Characters of a held step shown in the message; the rest is said to be cut."""
CONTEXT_LINES = 2
"""Kept lines shown around each change of a file."""
MAX_SHOWN_CHANGES = 8


@dataclass
class Words:
    """A small builder: text in order, some of it styled."""

    parts: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def plain(self, text: str) -> Words:
        self.parts.append(text)
        return self

    def styled(self, style: Style, text: str, value: str = "") -> Words:
        start = sum(map(len, self.parts))
        self.spans.append(Span(style, start, len(text), value))
        return self.plain(text)

    def bold(self, text: str) -> Words:
        return self.styled(Style.BOLD, text)

    def code(self, text: str) -> Words:
        return self.styled(Style.CODE, text)

    def block(self, text: str, language: str = "") -> Words:
        return self.styled(Style.PRE, text, language)

    def rich(self) -> Rich:
        return Rich("".join(self.parts), tuple(self.spans))

    def reply(self, *rows: Sequence[Button]) -> Reply:
        return Reply(self.rich(), tuple(tuple(row) for row in rows))


def say(text: str) -> Reply:
    """One plain sentence."""
    return Words().plain(text).reply()


# --- the gate's answers


def denied(decision: Denied) -> Reply:
    words = Words().plain(f"Not allowed: {decision.reason}")
    if decision.rule and str(decision.rule) not in decision.reason:
        words.plain("\nRule: ").code(str(decision.rule))
    return words.plain("\n/why tells more").reply()


def memory_is_short(possible: int, wanted: int, job_bytes: int) -> str:
    """One line for /status."""
    return (
        f"{possible} of {wanted} jobs at a time: the next one starts beside others "
        f"when {job_bytes // 2**20:,} MiB are free"
    )


def used_up(count: int, seconds: int, free_in: int) -> str:
    """One sentence for the refusal: "60 in an hour are used up; free again in 12 min"."""
    return f"{count:,} {_per(seconds)} are used up; free again in {duration(free_in)}"


def overspent(limit: int, spent: int, seconds: int, free_in: int) -> str:
    """The same for microdollars."""
    return (
        f"{_dollars(limit)} {_per(seconds)} are used up ({_dollars(spent)}); "
        f"free again in {duration(free_in)}"
    )


def _per(seconds: int) -> str:
    known = {60: "a minute", 3600: "an hour", 86400: "a day"}
    return known.get(seconds) or f"in {duration(seconds * 1000)}"


def _dollars(microdollars: int) -> str:
    return f"${microdollars / 1_000_000:.2f}"


def nothing_refused() -> Reply:
    return say("Nothing was refused here so far.")


def explained(
    request: CommandRequest | ToolRequest,
    denied: Denied,
    age: int,
    advice: Sequence[str],
    *,
    is_refused_now: bool,
) -> Reply:
    """/why: what was refused, the rule as written, and what would have allowed it."""
    words = Words().bold("Refused ").plain(f"{duration(age)} ago, for {request.user}\n")
    words.code(_shown_request(request)).plain(f"\n\n{shown(denied.reason, 600)}")
    if denied.rule is not None:
        words.plain("\n\n").bold("Rule ").code(str(denied.rule))
        words.plain("\n").block(denied.rule.text)
    if advice:
        words.plain("\n\n").bold("What would allow it")
        for line in advice:
            words.plain(f"\n· {shown(line, 300)}")
    elif not is_refused_now:
        words.plain("\n\nBy the rules as they are now it is not refused.")
    return words.reply()


def _shown_request(request: CommandRequest | ToolRequest) -> str:
    if isinstance(request, CommandRequest):
        return shown(request.words, 200)
    return in_one_line(f"{request.tool}: {input_summary(request.input)}", 200)


def audit_is_broken(reason: str) -> Reply:
    return say(
        f"Nothing was done: the audit log cannot be written ({reason}). "
        "Look at the host: dispatchctl doctor"
    )


def cannot_wait(asks: Asks) -> Reply:
    return (
        Words()
        .plain("Nothing was done: rule ")
        .code(str(asks.rule))
        .plain(" asks for an approval, and only tasks and recipes can wait for one.")
        .reply()
    )


def help_for(may: frozenset[str], recipes: Sequence[Recipe]) -> Reply:
    """`may`: the words the asker is allowed to use, e.g. "/run", "/git status"."""
    words = Words().bold("What you may do here").plain("\n")
    if "/run" in may:
        words.plain("Just write what to do, or use:\n")
    for builtin in BUILTINS:
        if f"/{builtin.word}" in may:
            words.plain("\n").code(builtin.usage).plain(f"  {builtin.summary}")
    for recipe in recipes:
        if f"/{recipe.name}" in may:
            words.plain("\n").code(usage(recipe)).plain(f"  {recipe.summary}")
    return words.reply()


def usage(recipe: Recipe) -> str:
    """ "/deploy TARGET", "/git log [COUNT]"."""
    names = (
        f"[{p.name.upper()}]" if p.default is not None else p.name.upper()
        for p in recipe.parameters
    )
    return " ".join((f"/{recipe.name}", *names))


# --- projects and conversations


def projects(current: str | None, names: Sequence[str]) -> Reply:
    words = Words().bold("Project: ").plain(current or "none chosen").plain("\n")
    for name in names:
        words.plain("\n").code(f"/project {name}")
    return words.reply([Button(name, f"p:{name}") for name in names[:6]])


def project_chosen(project: Project) -> Reply:
    return Words().plain("Project is now ").bold(project.name).plain(".").reply()


def no_such_project(name: str, near: str | None) -> Reply:
    hint = f" Did you mean {near}?" if near else " /project lists them."
    return say(f"There is no project called “{shown(name)}”.{hint}")


def no_project() -> Reply:
    return say("Choose a project first: /project")


# --- jobs


def queued(job: Job, behind: JobId | None) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" is waiting · {job.project}")
    if job.after is not None:
        words.plain(f"\nStarts when job {job.after} has succeeded.")
    elif behind is not None:
        words.plain(f"\nStarts after job {behind}.")
    return words.reply([_stop_button(job)])


def started(job: Job) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" started · {job.project}")
    return words.reply([_stop_button(job)])


def steered(job: Job) -> Reply:
    return say(f"Passed on to job {job.id}, which is running.")


_ENDINGS = {
    State.SUCCEEDED: "✓ done",
    State.FAILED: "✗ failed",
    State.CANCELLED: "stopped",
    State.TIMED_OUT: "✗ out of time",
    State.INTERRUPTED: "interrupted",
    State.REFUSED: "refused",
    State.EXPIRED: "expired",
    State.DENIED: "not allowed",
}


def ended_line(job: Job) -> Reply:
    """What the "started" message becomes."""
    words = Words().bold(f"Job {job.id}").plain(f" {_ENDINGS[job.state]} · {job.project}")
    facts = _facts(job.usage)
    return (words.plain(f" · {facts}") if facts else words).reply()


def answer(job: Job, text: str, refused: int) -> Reply:
    """The result as a message of its own. An agent's text is markdown."""
    if job.state is State.SUCCEEDED:
        note = f"\n\n_{refused} steps were refused on the way._" if refused > 1 else ""
        return Reply(Markdown((text or "(no output)") + note))
    if job.state is State.FAILED and job.kind != "prompt":
        return Reply(Markdown(f"**Job {job.id}** failed\n\n{text}"))
    ending = _ENDINGS[job.state]
    if text.startswith(ending):  # "stopped by bob"
        ending, text = text, ""
    words = Words().bold(f"Job {job.id}").plain(f" {ending}")
    return words.plain(f": {text}" if text else ".").reply()


def interrupted(job: Job) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" was interrupted: {job.reason} while it ran. ")
    words.plain("What it had done so far stays done.")
    rows = [[Button("Resume", f"r:{job.id}", ButtonKind.APPROVE)]] if job.session else []
    return words.reply(*rows)


def stopping(job: Job) -> Reply:
    return say(f"The appliance is stopping. Job {job.id} gets a moment to finish.")


def cannot_resume(job_id: JobId) -> Reply:
    return say(f"Job {job_id} cannot be resumed. /jobs lists the latest ones.")


def stop_asked(job: Job) -> Reply:
    return say(f"Stopping job {job.id}.")


def nothing_to_stop() -> Reply:
    return say("Nothing of yours is running here. /jobs lists the latest jobs.")


def after_unknown(job_id: JobId) -> Reply:
    return say(f"There is no job {job_id} to wait for. /jobs lists the latest ones.")


def jobs(latest: Sequence[Job], now: Millis) -> Reply:
    if not latest:
        return say("No jobs yet. Write what to do, or /help.")
    words = Words().bold("Latest jobs")
    for job in latest:
        words.plain(f"\n{job.id} · {_state_word(job.state)} · {_age(now - job.created_at)} · ")
        words.plain(shown(job.title, 48))
    return words.reply()


def progress(job: Job, now: Millis, what: str) -> str:
    since = duration(now - (job.started_at or now))
    return f"Job {job.id} · {job.project} · {since}\n{what}"


def doing(call: ToolCall) -> str:
    """ "Bash: git status" on one line."""
    return in_one_line(f"{call.tool}: {call_summary(call)}", 120)


def in_one_line(text: str, limit: int) -> str:
    """Code in which the end of a line can be seen: there it ends a command, as `;` does."""
    return shown(text.strip().replace("\n", " ⏎ "), limit)


def tool_refused(job: Job, call: ToolCall, reason: str) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(": refused ").code(doing(call))
    return words.plain(f"\n{shown(reason, 300)}").reply()


# --- approvals


def question(approval: Approval, job: Job, now: Millis) -> Reply:
    """What would run, where, as whom, which rule asks, until when, and the buttons."""
    words = Words().bold("May this run?").plain(f"  job {job.id} · {job.project}\n")
    _held(words, approval)
    words.plain(f"\nin {approval.directory}\n{_as_whom(approval)} · rule ")
    words.code(str(approval.asks.rule))
    if (reason := approval.asks.reason) and not _is_shown(reason, approval):
        words.plain(f"\nbecause of: {shown(reason, 200)}")
    if needs := _needs(approval):
        words.plain(f"\n{needs}")
    words.plain(f"\nexpires in {duration(approval.expires_at - now)} · id {approval.id}")
    rows = [
        [
            Button("Approve", f"a:{approval.id}", ButtonKind.APPROVE),
            Button("Deny", f"d:{approval.id}", ButtonKind.DENY),
        ]
    ]
    if may_be_for_job(approval):
        words.plain("\n“Allow for this job” covers all of:\n")
        words.code(shown(approval.asks.rule.text, 200))
        rows.append([Button("Allow for this job", f"j:{approval.id}", ButtonKind.APPROVE)])
    return words.reply(*rows)


def _is_shown(reason: str, approval: Approval) -> bool:
    """Whether the question begins with what the rule asks about: the command, or a file's name."""
    first_line = approval.summary.partition("\n")[0]
    return reason == approval.summary or first_line == f"{approval.tool} {reason}"


def _held(words: Words, approval: Approval) -> None:
    """The thing that is asked about; a change to a file is coloured as one."""
    language = {"Bash": "bash", "Edit": "diff", "MultiEdit": "diff", "Write": "diff"}
    words.block(_cut(readable(_as_change(approval.summary))), language.get(approval.tool, ""))


def _as_whom(approval: Approval) -> str:
    if approval.is_about_job:
        return f"for {approval.requester}"
    return f"by the agent, for {approval.requester}"


def _needs(approval: Approval) -> str:
    """ "needs a yes from 2 people of lead, on web" and who has said it so far."""
    asks = approval.asks
    if not asks.by and asks.people == 1 and not asks.via:
        return ""
    who = " or ".join(asks.by) or f"{approval.requester} or owner"
    count = f"{asks.people} people of " if asks.people > 1 else ""
    where = f", on {' or '.join(asks.via)}" if asks.via else ""
    needs = f"needs a yes from {count}{who}{where}"
    return f"{needs}\n{_so_far(approval)}" if approval.given_by else needs


def _so_far(approval: Approval) -> str:
    given = approval.given_by
    return f"{len(given)} of {approval.asks.people} so far: {', '.join(given)}"


def settled(approval: Approval, job: Job) -> Reply:
    """What the question becomes once nothing can be pressed any more."""
    word = {
        ApprovalState.USED: f"✓ Allowed by {approval.answered_by}",
        ApprovalState.GIVEN: f"Approved by {approval.answered_by}, being passed on",
        ApprovalState.REFUSED: f"✗ Denied by {approval.answered_by}",
        ApprovalState.EXPIRED: "Expired: nobody answered in time, so it did not run",
        ApprovalState.WITHDRAWN: "Withdrawn: the job went on or ended without it",
        ApprovalState.PENDING: "Waiting",
    }[approval.state]
    scope = " · for all like it in this job" if approval.for_job else ""
    words = Words().bold(word).plain(f"{scope}  job {job.id} · {job.project}\n")
    _held(words, approval)
    if approval.state is ApprovalState.REFUSED and approval.reason:
        words.plain(f"\nbecause: {shown(approval.reason, 200)}")
    return words.reply()


def refused(approval: Approval, job: Job) -> Reply:
    """A message of its own for whoever asked for a job that somebody else has said no to."""
    words = Words().bold(f"Job {job.id}").plain(f": {approval.answered_by} said no to ")
    words.code(in_one_line(approval.summary, 120)).plain(", so it did not run.")
    if approval.reason:
        words.plain(f"\nbecause: {shown(approval.reason, 200)}")
    return words.reply()


def expired(approval: Approval, job: Job) -> Reply:
    """A message of its own for everybody who was asked, and whoever asked."""
    words = Words().bold(f"Job {job.id}").plain(": nobody approved ")
    words.code(in_one_line(approval.summary, 120)).plain(" in time, so it did not run.")
    if approval.given_by:
        words.plain(f"\n{_so_far(approval)}")
    return words.plain("\nAsk for it again if it is still wanted.").reply()


def late_answer(approval: Approval | None) -> str:
    """For a click or command on something that cannot be answered any more."""
    if approval is None:
        return "There is no such question. Compare the id, or press its button."
    return {
        ApprovalState.EXPIRED: "Too late: this has expired. Nothing ran; ask for it again.",
        ApprovalState.WITHDRAWN: "This is no longer being asked. Nothing ran.",
        ApprovalState.REFUSED: f"Already denied by {approval.answered_by}.",
        ApprovalState.GIVEN: f"Already approved by {approval.answered_by}.",
        ApprovalState.USED: f"Already approved by {approval.answered_by}, and it ran.",
        ApprovalState.PENDING: "This is still waiting.",
    }[approval.state]


def not_yours_to_answer(who_may: Sequence[str]) -> str:
    return "You may not answer this." + (f" Ask {', '.join(who_may)}." if who_may else "")


def not_from_here(via: Sequence[str]) -> str:
    return f"This may only be answered on {' or '.join(via)}."


def answered(approval: Approval) -> str:
    match approval.state:
        case ApprovalState.GIVEN:
            return "Approved. Passing it on."
        case ApprovalState.PENDING:
            return f"Noted, {_so_far(approval)}. It still needs somebody else."
        case _:
            return "Denied."


def call_summary(call: ToolCall) -> str:
    """The one value of a tool's input that says what it does; all of it for unknown tools."""
    return input_summary(call.input)


def input_summary(values: Mapping[str, Json]) -> str:
    """The same for an input without its call."""
    for key in ("command", "file_path", "notebook_path", "url", "query", "pattern", "prompt"):
        value = values.get(key)
        if isinstance(value, str):
            return value
    if values.keys() == {"host", "port"}:
        return f"{values['host']}:{values['port']}"
    return ", ".join(f"{key}={value}" for key, value in values.items())


def call_in_full(call: ToolCall) -> str:
    """What a held call would do, for the question: the command, or the file and its change."""
    match call.input:
        case {"command": str(command), **_rest}:
            return command
        case {"file_path": str(path), "old_string": str(old), "new_string": str(new), **rest}:
            every = " (every place)" if rest.get("replace_all") else ""
            return "\n".join((f"{call.tool} {path}{every}", _lines(old, "-"), _lines(new, "+")))
        case {"file_path": str(path), "edits": list(edits), **_rest}:
            return "\n".join((f"{call.tool} {path}", *map(_edit, edits)))
        case {"file_path": str(path), "content": str(content), **_rest}:
            return f"{call.tool} {path}\n{_lines(content, '+')}"
        case {"notebook_path": str(path), "new_source": str(source), **rest}:
            cell = rest.get("cell_id") or rest.get("cell_number") or "new"
            title = f"{call.tool} {path} ({rest.get('edit_mode') or 'replace'} cell {cell})"
            return f"{title}\n{_lines(source, '+')}"
        case _:
            lines = (f"{key}: {value}" for key, value in call.input.items())
            return "\n".join((call.tool, *lines))


def _edit(edit: Json) -> str:
    match edit:
        case {"old_string": str(old), "new_string": str(new), **rest}:
            every = "@@ every place" if rest.get("replace_all") else "@@"
            return "\n".join((every, _lines(old, "-"), _lines(new, "+")))
        case _:
            return f"@@ {edit}"


def _lines(text: str, sign: str) -> str:
    return "\n".join(f"{sign} {line}" for line in text.split("\n"))


def _as_change(summary: str) -> str:
    """A recorded edit with what goes and what comes among the lines around it; else as it is."""
    found = changes.change(summary)
    if found is None:
        return summary
    signs = [sign for sign, _ in found.lines]
    shown_lines: list[str] = []
    for number, (sign, line) in enumerate(found.lines):
        around = signs[max(0, number - CONTEXT_LINES) : number + CONTEXT_LINES + 1]
        if set(around) != {changes.KEPT}:
            shown_lines.append(f"{sign} {line}")
        elif shown_lines[-1:] != ["…"]:
            shown_lines.append("…")
    return "\n".join((found.title, *shown_lines))


# --- staying awake


def awake(line: str, trouble: str) -> Reply:
    """How it is: /awake without anything."""
    words = Words().bold("Awake: ").plain(line)
    if trouble:
        words.plain(f"\n⚠ {trouble}")
    return words.plain("\n/awake 8h, /awake until 18:00, /awake off").reply()


def awake_until(until: Millis, now: Millis, trouble: str) -> Reply:
    words = Words().plain(f"Awake until {time_of_day(until)}, for {duration(until - now)}.")
    if trouble:
        words.plain(f"\n⚠ This machine has trouble with that: {trouble}")
    return words.reply()


def awake_ended(jobs: Sequence[JobId]) -> Reply:
    if jobs:
        return say(f"Ended. The machine stays awake for {named(jobs)}.")
    return say("Ended. The machine may sleep.")


def awake_too_long(until: Millis, now: Millis) -> Reply:
    return say(
        f"That is {duration(until - now)}; at most {LONGEST_SESSION_HOURS} hours at a time can be "
        f"asked for. Write: /awake {LONGEST_SESSION_HOURS}h"
    )


def awake_is_off() -> Reply:
    return say("This machine is not kept awake by us: [awake] enabled is false in dispatch.toml.")


def battery_low(percent: int, jobs: Sequence[JobId]) -> Reply:
    words = Words().bold(f"Battery at {percent} %").plain(": the machine may fall asleep now")
    words.plain(f", with {named(jobs)} unfinished" if jobs else "")
    return words.plain(". Plug it in, and it is kept awake again.").reply()


def woken(host: HostName) -> Reply:
    return say(f"Told {host} to wake up. It does not answer that; give it a minute.")


def not_woken(host: HostName, problem: str) -> Reply:
    return say(f"{host} was not told to wake up: {problem}.")


def no_such_host(name: str, known: Sequence[HostName]) -> Reply:
    if not known:
        return say("There is no host to wake: none is in dispatch.toml ([hosts.NAME]).")
    return say(f"There is no host called “{shown(name)}”. There is: {', '.join(known)}.")


# --- the policy


def policy_changed(sha256: str, rules: int, changes: Sequence[str]) -> Reply:
    """For whoever looks after the appliance: an edit holds now, and what it changes."""
    words = Words().bold("Policy · new rules hold").plain(f"\n{sha256[:8]}, {rules} rules")
    if not changes:
        words.plain("\nNobody may do more or less than before.")
    _listed(words, changes)
    return words.reply()


def policy_rejected(mistakes: Sequence[str], live_sha256: str) -> Reply:
    words = Words().bold("Policy · your edit does not hold")
    _listed(words, mistakes)
    words.plain(f"\n\nThe rules before it stay: {live_sha256[:8]}. Once mended it is taken over.")
    return words.reply()


def policy_as_before(live_sha256: str) -> Reply:
    return say(f"Policy · the files are again what holds: {live_sha256[:8]}.")


def _listed(words: Words, lines: Sequence[str]) -> None:
    for line in lines[:MAX_SHOWN_CHANGES]:
        words.plain("\n").code(shown(line, 160))
    if len(lines) > MAX_SHOWN_CHANGES:
        words.plain(f"\nand {len(lines) - MAX_SHOWN_CHANGES} more: dispatchctl policy check")


# --- small pieces


def _stop_button(job: Job) -> Button:
    return Button("Stop", f"s:{job.id}", ButtonKind.PLAIN)


def _cut(text: str) -> str:
    if len(text) <= MAX_SHOWN_INPUT:
        return text
    # head and tail: whatever is hidden, the end of a command cannot be
    half = MAX_SHOWN_INPUT // 2
    hidden = len(text) - 2 * half
    return f"{text[:half]}\n[… {hidden:,} characters not shown …]\n{text[-half:]}"


def _state_word(state: State) -> str:
    return state.value.replace("_", " ")


def _facts(usage: Usage) -> str:
    facts = [duration(usage.duration_ms)] if usage.duration_ms else []
    if usage.cost_microdollars:
        facts.append(f"${usage.cost_microdollars / 1_000_000:.2f}")
    return " · ".join(facts)


def duration(milliseconds: int) -> str:
    """ "34 s", "2 min 5 s", "3 h 0 min"."""
    seconds = max(0, round(milliseconds / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _age(milliseconds: int) -> str:
    return f"{duration(milliseconds)} ago"
