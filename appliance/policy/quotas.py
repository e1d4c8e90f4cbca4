"""Lines that begin with q: how much a user with a role may use.

q, dev, *,    commands=100/h          each dev, in all projects together
q, dev, demo, cost=5.00/day           each dev, in demo; in dollars
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from appliance.core.model import Measure, ProjectName, Quota
from appliance.core.toml import nearest
from appliance.policy import options
from appliance.policy.fields import Line
from appliance.policy.rules import EVERYBODY, Names, RuleReader

_MICRODOLLARS = 1_000_000


@dataclass(frozen=True, slots=True)
class RoleQuota:
    """A quota for each user who has the role."""

    role: str
    quota: Quota


def of_user(
    quotas: Iterable[RoleQuota], roles: Collection[str], project: ProjectName | None
) -> tuple[Quota, ...]:
    """Those that hold for somebody with these roles in this project. All of them must be kept."""
    return tuple(
        one.quota
        for one in quotas
        if (one.role == EVERYBODY or one.role in roles) and one.quota.project in (None, project)
    )


def role_quotas(line: Line, names: Names, reader: RuleReader) -> list[RoleQuota]:
    """The line's quotas, or mistakes noted."""
    before = len(line.mistakes)
    _, role, where, limits = line.fields
    if what := reader.wrong_role(role):
        line.wrong(what, 1)
    if where != EVERYBODY and where not in names.projects:
        line.wrong(f'no project called "{where}"{nearest(where, names.projects)}', 2)
    project = None if where == EVERYBODY else ProjectName(where)
    quotas = [_quota(line, word, project) for word in limits.split()]
    measures = [quota.measure for quota in quotas if quota]
    if len(set(measures)) < len(measures):
        line.wrong("the same limit stands twice", 3)
    if len(line.mistakes) > before:
        return []
    return [RoleQuota(role, quota) for quota in quotas if quota]


def _quota(line: Line, word: str, project: ProjectName | None) -> Quota | None:
    key, _, value = word.partition("=")
    amount, _, unit = value.partition("/")
    if key not in set(Measure):
        near = nearest(key, set(Measure))
        line.wrong(
            f'unknown limit "{word}"{near or ", write commands=100/h or cost=5.00/day"}', 3, word
        )
        return None
    number = _count(amount) if key == Measure.COMMANDS else _microdollars(amount)
    if not number or unit not in options.SECONDS:
        example = "commands=100/h" if key == Measure.COMMANDS else "cost=5.00/day"
        line.wrong(f'"{word}": write a number for a time, such as {example}', 3, word)
        return None
    return Quota(Measure(key), number, options.SECONDS[unit], line.rule, project)


def _count(amount: str) -> int:
    return int(amount) if re.fullmatch(r"[1-9][0-9]{0,5}", amount, re.ASCII) else 0


def _microdollars(amount: str) -> int:
    found = re.fullmatch(r"([0-9]{1,5})(?:\.([0-9]{1,2}))?", amount, re.ASCII)
    return (
        int(found[1]) * _MICRODOLLARS + int((found[2] or "0").ljust(2, "0")) * 10_000
        if found
        else 0
    )
