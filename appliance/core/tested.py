"""Whether a command runs tests, and what the runner said at the end: in its words, not ours.

Only told to people, never acted on: what is not recognised costs a line in an answer.
"""

from __future__ import annotations

import re

MAX_COMMAND_CHARACTERS = 2000
MAX_RESULT_CHARACTERS = 100

_RUNNERS = frozenset(
    ("ava", "ctest", "jest", "mocha", "nox", "phpunit", "prove", "py.test", "pytest", "rspec")
) | {"tox", "vitest"}
_TOOLS = frozenset(
    ("ant", "bazel", "bun", "cargo", "dart", "deno", "dotnet", "flutter", "go", "gradle", "gradlew")
) | {"just", "lein", "make", "meson", "mix", "mvn", "ninja", "npm", "nx", "pnpm", "rake", "sbt"}
_TOOLS |= {"stack", "swift", "task", "yarn"}
"""They test when a later word says so: `npm run test:unit`, `make -j4 check`."""
_TESTS = re.compile(r"(\S*:)?(test|tests|check|nextest|verify)([:_-].*)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_FRONTS = {"bundle": 2, "env": 1, "hatch": 2, "nice": 1, "npx": 1, "pdm": 2, "pipenv": 2}
_FRONTS |= {"poetry": 2, "rye": 2, "sudo": 1, "time": 1, "timeout": 2, "uv": 2, "xvfb-run": 1}
"""Words that stand before the command itself, and how many they are."""

_COUNTED = re.compile(
    r"\b\d+ (?:tests? )?(?:passed|failed|passing|failing|errors?|skipped)\b"
    r"|\b\d+ (?:tests?|specs?|examples?|runs?|assertions?)\b"
    r"|\bTests run: \d+|\b(?:Passed|Failed):\s+\d+|^(?:#|ℹ) (?:pass|fail) \d+",  # noqa: RUF001
    re.IGNORECASE,
)
_VERDICT = re.compile(r"(?:ok|PASS|FAIL|OK|FAILED|PASSED)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def runs_tests(command: str) -> bool:
    """Whether one of the commands in a shell line is a test runner."""
    parts = re.split(r"&&|\|\||[;|&\n(){}]", command[:MAX_COMMAND_CHARACTERS])
    return any(_is_runner(_without_fronts(part.split())) for part in parts)


def _without_fronts(words: list[str]) -> list[str]:
    while words:
        if _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        elif (count := _FRONTS.get(words[0])) is not None:
            words = words[count:]
        else:
            break
    return words


def _is_runner(words: list[str]) -> bool:
    if not words:
        return False
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program.startswith("python") and "-m" in rest[:3]:
        module = rest[rest.index("-m") + 1 :][:1]
        return bool(module) and module[0] in ("pytest", "unittest", "nose2", "tox", "nox")
    if program == "node":
        return "--test" in rest
    if program in _TOOLS:
        return any(_TESTS.fullmatch(word) for word in rest) or (program == "npm" and rest == ["t"])
    return program in _RUNNERS


def result_line(output: str) -> str:
    """The last line with counts, else the last verdict, else the last line; "" for no output."""
    lines = [_COLOUR.sub("", line).strip().strip("=-").strip() for line in output.splitlines()]
    lines = [line for line in lines if line]
    for kind in (_COUNTED.search, _VERDICT.match):
        for line in reversed(lines):
            if kind(line):
                return _cut(line)
    return _cut(lines[-1]) if lines else ""


def _cut(line: str) -> str:
    line = " ".join(line.split())
    if len(line) <= MAX_RESULT_CHARACTERS:
        return line
    return line[: MAX_RESULT_CHARACTERS - 1] + "…"
