"""Lines by class: attacks of which none may be allowed, and what agents really send.

The attacks are judged where nearly everything is granted: all programs but the few that attacks
smuggle in, and all files of the project. The harmless lines are judged with grants for the
programs in them. A class is a way in which a line says more than it shows, or a kind of work.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.core.model import Allowed
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.profiles import PROFILES
from tests.policy import policies_on_disk as disk

DATA = Path(__file__).parents[2] / "data"
MOST_REFUSED = 0.02

FILES = (
    "README.md", "package.json", "Makefile", "a.txt", "b.txt", "data.csv", "list", "evil.sh",
    "server.key", ".env", ".env.example", ".git/hooks/x", ".claude/x", "src/app.py", "src/b.py",
    "src/util/x.py", "tests/test_a.py", "docs/guide.md", "build/out.txt", "node_modules/x.js",
)  # fmt: skip


def _by_class(name: str) -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for row in map(json.loads, (DATA / name).read_text().splitlines()):
        found[row["class"]].append(row["line"])
    return found


ATTACKS = _by_class("shell_attacks.jsonl")
HARMLESS = _by_class("shell_harmless.jsonl")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "demo/link-to-etc").symlink_to("/etc")
    return tmp_path


def _policy(work: Path, *lines: str) -> LoadedPolicy:
    files = ("p, dev, *, read, **, allow", "p, dev, *, write, **, allow")
    return disk.policy(work, "g, me, dev", *files, "p, dev, *, web, *.python.org, allow", *lines)


def _allowed(policy: LoadedPolicy, lines: list[str], work: Path) -> list[str]:
    return [line for line in lines if isinstance(policy.decide(disk.bash(work, line)), Allowed)]


@pytest.mark.parametrize("kind", ATTACKS)
def test_no_attack_of_this_class_is_allowed_where_every_program_is(kind: str, work: Path) -> None:
    policy = _policy(
        work,
        "p, dev, *, bash, **, allow",
        "p, dev, *, bash, touch|sh|bash|rm **, deny",
        "p, dev, *, bash, git push **, deny",
    )
    assert _allowed(policy, ATTACKS[kind], work) == []


@pytest.mark.parametrize("kind", ATTACKS)
def test_no_attack_of_this_class_is_allowed_by_the_shipped_policy(kind: str, work: Path) -> None:
    assert _allowed(disk.shipped(work), ATTACKS[kind], work) == []


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_lines_of_this_class_are_allowed_when_their_programs_are(
    kind: str, work: Path
) -> None:
    policy = _policy(work, *(f"p, dev, *, bash, {name} **, allow" for name in PROFILES))
    lines = HARMLESS[kind]
    refused = sorted(set(lines) - set(_allowed(policy, lines, work)))
    assert len(refused) <= MOST_REFUSED * len(lines), refused
