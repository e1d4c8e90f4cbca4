"""What a policy that loads may still get wrong: lines without effect, and lines too wide.

    findings   what is said about a line
    pairs      two lines about the same: one hides, repeats or contradicts the other
    times      a line that counts only at times, and what counts in its place at others
    alone      one line: its day is over, nobody may approve it, it is too wide
    rewritten  one line: it names what is judged by another name, and so never matches
    writers    who may run what they may write

Each finding names a line, the other line it is about, and what to do. Pairs of lines are
compared, exactly (see `containment`); three lines that only together make a fourth one useless
are not found. Nothing here changes a verdict.
"""

from __future__ import annotations

from datetime import date

from appliance.core.model import Rule
from appliance.policy.lint import alone, pairs, rewritten, times, writers
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.loaded import LoadedPolicy

__all__ = ["Finding", "Kind", "lint"]


def lint(policy: LoadedPolicy, today: date) -> list[Finding]:
    """Everything there is to say, in the order of the files; each line once for each kind."""
    found = [
        *pairs.find(policy),
        *times.find(policy),
        *alone.find(policy, today),
        *rewritten.find(policy),
        *writers.find(policy),
    ]
    first: dict[tuple[Kind, Rule], Finding] = {}
    for finding in found:
        first.setdefault((finding.kind, finding.rule), finding)
    return sorted(first.values(), key=lambda one: (one.rule.path, one.rule.line, one.kind))
