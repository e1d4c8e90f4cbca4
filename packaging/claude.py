"""Print where the `claude` program for the tests is; fetch it into `.cache/claude` if need be.

Taken in this order: DISPATCH_TEST_CLAUDE, a new enough one on PATH, the npm package as locked in
`packaging/lock/claude`. Without any, the suite that needs it is skipped and says so, and in CI
this program fails instead, because a skipped suite there would look like a passed one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock" / "claude"
CACHE = ROOT / ".cache" / "claude"
PACKAGE = CACHE / "node_modules" / "@anthropic-ai" / "claude-code"
PROGRAM = CACHE / "node_modules" / ".bin" / "claude"
OLDEST = (2, 1, 317)  # the first with everything that our gates rest on
ANSWER_SECONDS = 60


class NotToBeHad(Exception):
    """No `claude` here; the message says why in one sentence."""


def main() -> int:
    try:
        print(find() or fetch())
    except NotToBeHad as why:
        in_ci = os.environ.get("CI") == "true"
        outcome = "error: CI runs" if in_ci else "WARNING: SKIPPED are"
        print(f"{outcome} the tests with the real claude program, but {why}", file=sys.stderr)
        return 1 if in_ci else 0
    return 0


def find() -> str | None:
    given = os.environ.get("DISPATCH_TEST_CLAUDE")
    if given:
        return given
    on_path = shutil.which("claude")
    candidates = [on_path] if on_path else []
    return next((path for path in candidates if version(path) >= OLDEST), None)


def fetch() -> str:
    """The locked npm package, integrity checked by npm. Raises NotToBeHad."""
    if is_installed():
        return str(PROGRAM)
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHad("neither claude 2.1.317 or newer nor npm, to fetch it, is on PATH")
    print("Fetching the claude program for the tests (once; about 100 MB) …", file=sys.stderr)
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK / name, CACHE)
    # npm may be set up to run no install scripts; this one only puts the program in its place.
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], CACHE)
    run(["node", "install.cjs"], PACKAGE)
    if version(str(PROGRAM)) < OLDEST:
        raise NotToBeHad(f"what npm installed does not run: {PROGRAM}")
    return str(PROGRAM)


def is_installed() -> bool:
    lock, installed = LOCK / "package-lock.json", CACHE / "package-lock.json"
    same = installed.is_file() and installed.read_bytes() == lock.read_bytes()
    return same and version(str(PROGRAM)) >= OLDEST


def version(program: str) -> tuple[int, ...]:
    """(0,) for what does not run or says no version."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found and done.returncode == 0 else (0,)


def run(command: list[str], directory: Path) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise NotToBeHad(f"{Path(command[0]).name} failed: {words[-1]}")


if __name__ == "__main__":
    sys.exit(main())
