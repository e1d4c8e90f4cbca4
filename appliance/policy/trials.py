"""Lines that begin with t: what the policy must say, tried out at every load.

    t, alice, demo, bash, git status; rm -rf /, deny
    t, alice, /srv/demo/src, write, ../.git/config, deny
    t, alice, *, chat, /help, allow

"*" as project stands for each of them. A policy that says something else is not loaded. The
time is not known in a trial, and it gets the strictest verdict of all hours: what is allowed or
asked at certain hours only is denied, and so is what is denied then only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from appliance.core.model import (
    CONNECT,
    Act,
    AdminRequest,
    Allowed,
    Asks,
    CommandRequest,
    Decision,
    Json,
    Platform,
    ProjectName,
    Request,
    Rule,
    ToolRequest,
    UserName,
)
from appliance.core.toml import nearest
from appliance.policy import patterns
from appliance.policy.fields import Line
from appliance.policy.rules import EVERYBODY, Names
from appliance.policy.tools import TOOLS, as_run, call_of

VERDICTS = ("allow", "approve", "deny")

_TOOLS = {Act.BASH: "Bash", Act.READ: "Read", Act.WRITE: "Write", Act.NET: CONNECT}


@dataclass(frozen=True, slots=True)
class Trial:
    """A request and the verdict it must get."""

    request: Request
    wanted: str
    rule: Rule

    @property
    def project(self) -> ProjectName | None:
        """In which it is tried; None: it is about none."""
        return None if isinstance(self.request, AdminRequest) else self.request.project


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial has shown; `by` is the line that decided."""

    trial: Trial
    verdict: str
    by: Rule | None

    @property
    def is_right(self) -> bool:
        return self.verdict == self.trial.wanted

    def __str__(self) -> str:
        """One sentence about an outcome that is wrong."""
        because = f"by {self.by}" if self.by else "because no rule allows it"
        return (
            f"this must be {self.trial.wanted}, and is {self.verdict} {because}: "
            f"{self.trial.rule.text}"
        )


def run(trials: Sequence[Trial], decide: Callable[[Request], Decision]) -> Iterator[Outcome]:
    """Every trial with what the policy says to it."""
    for trial in trials:
        decision = decide(trial.request)
        yield Outcome(trial, verdict_of(decision), decision.rule)


def verdict_of(decision: Decision) -> str:
    if isinstance(decision, Allowed):
        return "allow"
    return "approve" if isinstance(decision, Asks) else "deny"


def trials_of(line: Line, names: Names) -> list[Trial]:
    """The line's trials, one for each project it speaks of, or mistakes noted."""
    before = len(line.mistakes)
    _, user, where, act, text, wanted = line.fields
    if user not in names.users:
        near = nearest(user, names.users)
        line.wrong(f'no user called "{user}"{near}; a test is about a user of dispatch.toml', 1)
    places = _places(line, where, names)
    if act not in set(Act):
        line.wrong(f'unknown act "{act}"{nearest(act.casefold(), set(Act))}', 3)
    if wanted not in VERDICTS:
        near = nearest(wanted, VERDICTS) or f", write one of: {', '.join(VERDICTS)}"
        line.wrong(f'unknown verdict "{wanted}"{near}', line.raw.count(","))
    if len(line.mistakes) > before:
        return []
    request = partial(_request, UserName(user), Act(act), text)
    if act == Act.ADMIN:  # about no project
        places = places[:1]
    return [Trial(request(project, cwd, names), wanted, line.rule) for project, cwd in places]


def _places(line: Line, where: str, names: Names) -> list[tuple[ProjectName, str]]:
    """(project, working directory) for each place that column 3 names."""
    if where == EVERYBODY:
        return list(names.projects.items())
    if where in names.projects:
        return [(ProjectName(where), names.projects[ProjectName(where)])]
    for project, path in names.projects.items():
        if patterns.within(where, f"{path}/**"):
            return [(project, where)]
    line.wrong(f'no project called "{where}"{nearest(where, names.projects)}', 2)
    return []


def _request(
    user: UserName, act: Act, text: str, project: ProjectName, cwd: str, names: Names
) -> Request:
    if act is Act.ADMIN:
        return AdminRequest(user, text, Platform.TERMINAL)
    if act is Act.CHAT:
        return CommandRequest(user, project, text, Platform.TERMINAL)
    tool, given = tool_call(act, text)
    root = names.projects[project]
    return ToolRequest(user, project, root, cwd, tool, given, Platform.TERMINAL)


def tool_call(act: Act, text: str) -> tuple[str, Mapping[str, Json]]:
    """The tool that people mean by an act and a text, and its input as it would be run."""
    tool, given = _meant(act, text)
    return tool, as_run(tool, given)


def _meant(act: Act, text: str) -> tuple[str, dict[str, Json]]:
    if act is Act.MCP:
        return f"mcp__{text.replace('/', '__')}", {}
    if act is Act.AGENT:
        return "Agent", {**call_of("Agent", ""), "subagent_type": text}
    if act is Act.WEB and text == "search":
        return "WebSearch", call_of("WebSearch", "")
    if act is Act.WEB:
        return "WebFetch", call_of("WebFetch", text if "://" in text else f"https://{text}/")
    if act in _TOOLS:
        return _TOOLS[act], call_of(_TOOLS[act], text)
    return text, call_of(text, "") if TOOLS.get(text) is Act.TOOL else {}
