"""`dispatchctl policy why --batch`: one JSON verdict for each JSON line, whatever the line is.

A line that is no request gets {"line": 3, "verdict": "deny", "error": …}: whoever reads only the
verdict must not go on because of a typing error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from appliance.app.policy_commands.requests import MAX_LINE_BYTES, NowhereError, from_line
from appliance.app.policy_commands.verdicts import as_json
from appliance.core.model import Denied, Millis, Project, ProjectName
from appliance.errors import ApplianceError
from appliance.policy.explain import Explanation, why
from appliance.policy.loaded import LoadedPolicy


def judged(
    lines: IO[bytes],
    policy: LoadedPolicy,
    projects: Mapping[ProjectName, Project],
    now: Millis,
) -> Iterator[str]:
    """A line of JSON for every line that comes in, as soon as it comes."""
    for number, raw in enumerate(_lines(lines), 1):
        found = {"line": number, **_verdict(raw, policy, projects, now)}
        yield json.dumps(found, ensure_ascii=False).encode(errors="replace").decode()


def _lines(lines: IO[bytes]) -> Iterator[bytes]:
    """No line takes more memory than the limit; the rest of a longer one is thrown away."""
    while raw := lines.readline(MAX_LINE_BYTES + 1):
        rest = raw
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = lines.readline(MAX_LINE_BYTES + 1)
        yield raw


def _verdict(
    raw: bytes, policy: LoadedPolicy, projects: Mapping[ProjectName, Project], now: Millis
) -> dict[str, Any]:
    try:
        return as_json(why(policy, from_line(raw, projects, now)))
    except NowhereError as nowhere:
        return as_json(Explanation(Denied(None, str(nowhere)), ()))
    except ApplianceError as error:
        return {"verdict": "deny", "error": error.message}
