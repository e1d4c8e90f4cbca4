"""A team with a policy on disk, and dispatchctl to ask about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from appliance.app import policy_commands
from appliance.app.cli import run_program
from tests.policy import policies_on_disk as disk

RULES = (
    "g, ann, owner",
    "g, lea, lead",
    "g, dan, dev",
    "g, night, dev",
    "g, lead, dev",
    "g, owner, lead",
    "p, dev, demo, chat, /git **, allow",
    "p, dev, demo, bash, git status|log|diff|push **, allow",
    "p, dev, demo, bash, git push **, approve, by=lead*2 ttl=10m",
    "p, *, *, bash, git push --force **, deny",
    "p, dev, demo, bash, make **, allow, via=web",
    "p, dev, demo, bash, npm **, approve, fallback",
    "p, dev, demo, read, **, allow",
    "p, owner, *, admin, **, allow",
)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """ann owns, lea leads, dan develops, night is an automation, vic has nothing."""
    (tmp_path / "demo").mkdir()
    disk.write(tmp_path / "policies", *RULES)
    file = tmp_path / "dispatch.toml"
    file.write_text(
        f'[daemon]\npolicies = "{tmp_path}/policies"\n[web]\n[terminal]\n'
        + "".join(f"[users.{name}]\nweb = true\n" for name in ("ann", "lea", "dan", "vic"))
        + "[users.night]\nautomation = true\nunix = [4711]\n"
        + f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    )
    return file


@pytest.fixture
def policy(settings: Path) -> Callable[..., int]:
    """`dispatchctl policy WORDS`: the exit status."""

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser(prog="dispatchctl")
        policy_commands.add_parser(parser.add_subparsers())
        arguments: Sequence[str] = ["policy", *words, "--config", str(settings)]
        parsed = parser.parse_args(arguments)
        return run_program("dispatchctl", lambda: int(parsed.run(parsed)))

    return run
