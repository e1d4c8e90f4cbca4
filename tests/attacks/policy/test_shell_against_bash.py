"""What bash runs of a line is what we saw in it: hostile lines, held against the real bash.

Every program is missing, so bash only tells which words it would have run, and where. The line
as it came and the line in our own words both run in throw-away directories: they must run the
same programs in the same places and leave the same files, and nothing that was not seen.

DISPATCH_FUZZ=50000 is the long run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from appliance.policy import paths, shell
from appliance.policy.atoms import Unclear
from tests.attacks.policy.hostile_lines import Lines

BASH = shutil.which("bash")
LINES = int(os.environ.get("DISPATCH_FUZZ", "2000"))  # noqa: TID251 - how long a test may take
ROUNDS = 4

TELL = r"""command_not_found_handle() {
  local all="$PWD"$'\x1f' word
  # one line, one write: the programs of a pipeline tell at the same time
  for word in "$@"; do all+="${word//$'\n'/$'\x1d'}"$'\x1f'; done
  printf '%s\x1e' "$all" >> "$TOLD"
  return 0
}
cat() { local text; IFS= read -rd '' text; printf '%s' "$text"; }
"""

Ran = tuple[str, ...]
"""The directory, and the words."""


@dataclass(frozen=True)
class Outcome:
    ran: list[Ran]
    files: dict[str, str]


class Playground:
    """Runs lines in directories that look alike."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "tell.sh").write_text(TELL)

    def run(self, line: str) -> Outcome:
        assert BASH is not None
        told, where = self._directory / "told", self._directory / "w"
        (where / "d1/d3").mkdir(parents=True)
        (where / "d2").mkdir()
        environment = {
            "PATH": "/nonexistent",
            "BASH_ENV": str(self._directory / "tell.sh"),
            "TOLD": str(told),
            "HOME": str(self._directory),
            "LC_ALL": "C.UTF-8",
        }
        try:
            subprocess.run(
                [BASH, "-c", line],
                cwd=where,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
            )
            return Outcome(self._ran(told), self._files())
        finally:
            shutil.rmtree(where)
            told.unlink(missing_ok=True)

    def _ran(self, told: Path) -> list[Ran]:
        calls = told.read_text(errors="replace").split("\x1e")[:-1] if told.exists() else []
        return sorted(tuple(call.replace("\x1d", "\n").split("\x1f")[:-1]) for call in calls)

    def _files(self) -> dict[str, str]:
        return {
            str(file.relative_to(self._directory)): _without_messages(file.read_text())
            for file in self._directory.rglob("*")
            if file.is_file() and file.name not in ("tell.sh", "told")
        }

    @property
    def cwd(self) -> str:
        return os.path.realpath(self._directory / "w")


def _without_messages(text: str) -> str:
    """Without what bash itself says: it names the line, and `time` the seconds."""
    return re.sub(
        r"^.*(?:line \d+:|(?:real|user|sys)\t).*\n?", "", text, flags=re.MULTILINE
    ).strip()


def _plain(ran: list[Ran]) -> Counter[Ran]:
    """We write "./*" where the line as it came has "*"."""
    return Counter(tuple(word.removeprefix("./") for word in call) for call in ran)


def _is_seen(call: Ran, steps: list[shell.Step]) -> bool:
    directory, *words = call
    seen = shell.unwrapped(tuple(words)).words
    return any(
        isinstance(step.run, shell.Unwrapped)
        and directory in step.directories
        and _fit(seen, step.run.words)
        for step in steps
    )


def _fit(ran: Ran, seen: Ran) -> bool:
    """Whether a program got the words that were seen; a glob may become several, and what is
    printed any number."""
    if not seen:
        return not ran
    if isinstance(seen[0], shell.Late) and seen[0].inner:
        return any(_fit(ran[count:], seen[1:]) for count in range(len(ran) + 1))
    if isinstance(seen[0], shell.Glob):
        names = (count for count in range(1, len(ran) + 1) if _fit(ran[count:], seen[1:]))
        return any(all(fnmatch(n, seen[0]) or n == f"./{seen[0]}" for n in ran[:c]) for c in names)
    return bool(ran) and _fits(ran[0], seen[0]) and _fit(ran[1:], seen[1:])


def _fits(ran: str, seen: str) -> bool:
    """A word of which only a part is known: with `$?` in it, or with a name that a loop is at."""
    if isinstance(seen, shell.Late):
        pattern = re.escape(seen).replace(r"\$\?", r"\d{1,3}")
        pattern = re.sub(r"\\\$[A-Z]+|\\\*", ".*", pattern)
        return re.fullmatch(rf"(\./)?{pattern}", ran) is not None
    return ran == seen


@pytest.mark.timeout(60 + LINES)
@pytest.mark.skipif(BASH is None, reason="no bash on this machine")
@pytest.mark.parametrize("part", range(ROUNDS))
def test_bash_runs_what_was_seen_and_nothing_else(part: int, tmp_path: Path) -> None:
    lines, playground = Lines(20_261_121 + part), Playground(tmp_path)
    accepted = 0
    for _ in range(LINES // ROUNDS):
        line = lines.line()
        (tmp_path / "w").mkdir()
        (tmp_path / "w/d1/d3").mkdir(parents=True)
        (tmp_path / "w/d2").mkdir()
        try:
            script = shell.read(line)
            again = shell.read(script.text).text  # that is what the judge reads
            steps = shell.steps(script, playground.cwd, paths.resolved)
            if any(isinstance(step.run, Unclear) for step in steps):
                continue
        except Unclear:
            continue
        finally:
            shutil.rmtree(tmp_path / "w")
        accepted += 1
        assert again == script.text, f"{line!r} as {script.text!r} is {again!r}"
        ours, theirs = playground.run(script.text), playground.run(line)
        for call in ours.ran:
            assert _is_seen(call, steps), f"{line!r} as {script.text!r}: bash ran {call}"
        assert _plain(ours.ran) == _plain(theirs.ran), f"{line!r} as {script.text!r}"
        assert ours.files == theirs.files, f"{line!r} as {script.text!r}"
    assert accepted > LINES / ROUNDS / 10, "the generator is too wild to test anything"
