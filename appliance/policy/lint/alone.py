"""One line: its day is over, too few may approve it, or it allows more than anybody needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from appliance.core.model import Act
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import EVERYTHING, INBOX_ROOT, PATH_ACTS, pattern_keys, within
from appliance.policy.rules import EVERYBODY, Effect, PolicyRule


def find(policy: LoadedPolicy, today: date) -> Iterator[Finding]:
    """What there is to say about each line without a look at others."""
    for rule in policy.engine.rules:
        if rule.when.until is not None and rule.when.until < today:
            yield _ended(rule)
        if rule.by:
            yield from _approvers(policy, rule)
        if rule.effect is Effect.ALLOW and (what := _too_wide(policy, rule)):
            yield Finding(
                Kind.TOO_WIDE, rule.rule, None, what,
                "name what is needed, or write approve instead of allow",
            )  # fmt: skip


def _ended(rule: PolicyRule) -> Finding:
    refuses = ", and refuses since then" if rule.effect is Effect.APPROVE else ""
    return Finding(
        Kind.UNREACHABLE, rule.rule, None, f"it ended on {rule.when.until}{refuses}",
        "delete this line, or write another last day",
    )  # fmt: skip


def _approvers(policy: LoadedPolicy, rule: PolicyRule) -> Iterator[Finding]:
    people = policy.names.users - policy.names.automations
    able = [u for u in people if not policy.engine.roles_of(u).isdisjoint(rule.by)]
    if len(able) < rule.people:
        yield Finding(
            Kind.UNREACHABLE, rule.rule, None,
            f"it needs {rule.people} to approve, and {len(able)} have a role that may",
            "give a role to more people, or ask for fewer",
        )  # fmt: skip


def _too_wide(policy: LoadedPolicy, rule: PolicyRule) -> str:
    find = _WIDE.get(rule.act)
    if what := find(rule.pattern) if find else "":
        return what
    if rule.act in PATH_ACTS and not _is_in_project(policy, rule.pattern):
        return "it reaches files outside of every project"
    if rule.role == EVERYBODY and rule.act in (Act.BASH, Act.WRITE, Act.ADMIN):
        return f"it lets everybody {'write' if rule.act is Act.WRITE else 'run this'}"
    return ""


def _is_in_project(policy: LoadedPolicy, pattern: str) -> bool:
    if "*" not in pattern or within(pattern, f"{INBOX_ROOT}/**"):
        return True  # named exactly, so meant; or sent by somebody for just this job
    start = pattern_keys(Act.READ, pattern)[0]
    return any(within(start, f"{path}/**") for path in policy.names.projects.values())


def _any_of(what: str) -> Callable[[str], str]:
    """Whether the first word may be anything."""
    return lambda pattern: what if pattern.split(" ")[0] in ("*", EVERYTHING) else ""


def _wide_mcp(pattern: str) -> str:
    server, _, tool = pattern.partition("/")
    if server in ("*", EVERYTHING):
        return "it allows every tool of every MCP server"
    return f'it allows every tool of the MCP server "{server}"' if tool == "*" else ""


def _wide_host(pattern: str) -> str:
    labels = pattern.rpartition("*")[2]
    if pattern in ("*", EVERYTHING):
        return "it allows every host, and so any text to go anywhere"
    return f'"{pattern}" covers names that anybody can buy' if _is_suffix(pattern, labels) else ""


def _wide_connection(pattern: str) -> str:
    if pattern == EVERYTHING:
        return _wide_host(pattern)
    wide = (_wide_host(one.rpartition(":")[0]) for one in pattern.split("|"))
    return next(filter(None, wide), "")


def _is_suffix(pattern: str, labels: str) -> bool:
    return "*" in pattern and labels.strip(".").count(".") == 0


_WIDE: dict[str, Callable[[str], str]] = {
    Act.BASH: _any_of("it allows every program with reviewed options"),
    Act.WEB: _wide_host,
    Act.NET: _wide_connection,
    Act.MCP: _wide_mcp,
    Act.TOOL: _any_of("it allows every tool there is"),
}
