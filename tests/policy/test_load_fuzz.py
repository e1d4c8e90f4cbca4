"""Damaged policy files: refused with their place, or loaded with the same meaning; never looser.

DISPATCH_FUZZ=10000 tries more of them.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.core.model import Allowed, Asks, Request, UserName
from appliance.errors import PolicyError
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.loader import load
from tests.policy import policies_on_disk as disk

COUNT = int(os.environ.get("DISPATCH_FUZZ", "500"))  # noqa: TID251 - how long to try

LINES = [
    "# who",
    "g, me, dev",
    "g, ann, lead",
    "g, lead, dev",
    "# what",
    "p, dev, demo, bash, git status|log **, allow",
    "p, dev, *, bash, git push **, approve, by=lead ttl=30m",
    "p, dev, *, bash, rm **, deny",
    "p, lead, demo, write, src/**, allow, rate=60/h",
    "p, dev, demo, write, src/*.md, allow, until=2001-01-31",
    "p, *, *, web, docs.python.org, allow",
    "q, dev, *, commands=100/h",
    "t, me, demo, bash, git push, approve",
]
WORDS = ["allow", "deny", "Deny", "approve", "dev", "lead", "*", "p", "P", "pp", "t", "by=lead", ""]
SIGNS: list[str] = [*"pPgqt,#*|\"' \t=\r\x00\ufeff\u200b\u00a0éо/", "\n", "\\"]

# a wildcard more, or a larger number, is wider as written: nobody could tell it from an edit
SAID = re.compile(r"[*|]|allow|lead|\d")


def _insert(line: str, chance: random.Random) -> str:
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(SIGNS) + line[at:]


def _delete(line: str, chance: random.Random) -> str:
    at = chance.randrange(len(line))
    return line[:at] + line[at + 1 :]


def _swap(line: str, chance: random.Random) -> str:
    at = chance.randrange(len(line) - 1)
    return line[:at] + line[at + 1] + line[at] + line[at + 2 :]


def _change_case(line: str, chance: random.Random) -> str:
    at = chance.randrange(len(line))
    return line[:at] + line[at].swapcase() + line[at + 1 :]


def _lose_a_field(line: str, chance: random.Random) -> str:
    fields = line.split(",")
    del fields[chance.randrange(len(fields))]
    return ",".join(fields)


def _double_a_field(line: str, chance: random.Random) -> str:
    fields = line.split(",")
    at = chance.randrange(len(fields))
    return ",".join([*fields[:at], fields[at], *fields[at:]])


def _comment_out(line: str, chance: random.Random) -> str:
    at = chance.choice([m.start() for m in re.finditer(" ", line)] or [0])
    return f"{line[:at]} #{line[at:]}"


def _quote(line: str, chance: random.Random) -> str:
    fields = line.split(",")
    at = chance.randrange(len(fields))
    fields[at] = f'"{fields[at].strip()}"'
    return ",".join(fields)


MUTATIONS: list[Callable[[str, random.Random], str]] = [
    _insert, _delete, _swap, _change_case, _lose_a_field, _double_a_field, _comment_out, _quote,
]  # fmt: skip


def _requests(tmp_path: Path) -> list[Request]:
    lines = ["git status", "git log -5", "git push", "git commit", "rm x", "ls", "git", "gi status"]
    return [
        *(disk.bash(tmp_path, line, user=user) for user in ("me", "ann") for line in lines),
        *(
            disk.tool(tmp_path, "Write", user=user, file_path=path, content="")
            for user in ("me", "ann")
            for path in ("src/a.py", "src/a.md", "a.py", "/etc/x")
        ),
        *(
            disk.tool(tmp_path, "WebFetch", user="me", url=f"https://{host}/")
            for host in ("docs.python.org", "python.org", "x.org")
        ),
    ]


def _freedom(policy: LoadedPolicy, requests: list[Request]) -> list[int]:
    decisions = [policy.decide(request) for request in requests]
    return [2 if isinstance(d, Allowed) else 1 if isinstance(d, Asks) else 0 for d in decisions]


def _load(tmp_path: Path, content: bytes) -> LoadedPolicy:
    directory = disk.write(tmp_path / "policies")
    (directory / "rules.csv").write_bytes(content)
    return load(
        directory, [UserName("me"), UserName("ann")], disk.projects(tmp_path, "demo", "other")
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_damaged_line_is_refused_with_its_place_or_means_no_more(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    requests = _requests(tmp_path)
    before = _freedom(_load(tmp_path, ("\n".join(LINES) + "\n").encode()), requests)
    for _ in range(COUNT // 10):
        lines = list(LINES)
        number = chance.choice([i for i, line in enumerate(LINES) if line[0] != "#"])
        lines[number] = chance.choice(MUTATIONS)(lines[number], chance)
        if lines[number] == LINES[number] or _takes_back(lines[number], LINES[number]):
            continue
        try:
            after = _freedom(_load(tmp_path, ("\n".join(lines) + "\n").encode()), requests)
        except PolicyError as error:
            has_place = re.match(r"policies/rules\.csv:\d+:\d+: ", error.message) is not None
            assert has_place, lines[number]
            continue
        looser = [r for r, a, b in zip(requests, after, before, strict=True) if a > b]
        assert not looser or _is_said(lines[number], LINES[number]), (lines[number], looser)


def _takes_back(line: str, original: str) -> bool:
    """Whether a denial or a question is gone as a whole: said, and no damage we could see."""
    return line.lstrip(" \t").startswith("#") and not original.startswith("#")


def _is_said(line: str, original: str) -> bool:
    """Whether the line plainly says something wider: a wider pattern, or no options at all."""
    said = line.partition("#")[0].rstrip(" ,")
    has_lost_its_options = original.startswith(f"{said},") and said.count(",") == 5
    return has_lost_its_options or len(SAID.findall(line)) > len(SAID.findall(original))


@pytest.mark.parametrize("seed", range(5))
def test_a_file_cut_off_is_refused_unless_it_ends_with_a_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole = ("\n".join(LINES) + "\n").encode()
    for _ in range(COUNT // 20):
        part = whole[: chance.randrange(1, len(whole))]
        if part.endswith(b"\n"):
            continue
        with pytest.raises(PolicyError, match=r"policies/rules\.csv:\d+:\d+: "):
            _load(tmp_path, part)
