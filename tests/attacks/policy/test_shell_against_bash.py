"""What bash runs of a line is what we saw in it: hostile lines, held against the real bash.

Every program is missing, so bash only tells which words it would have run, and where. The line
as it came and the line in our own words both run in throw-away directories: they must run the
same programs in the same places and leave the same files, and nothing that was not seen.

DISPATCH_FUZZ=50000 is the long run.
"""

from __future__ import annotations

import os
import random
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
NAMES = [f"c{number}" for number in range(1, 7)]
WORDS = [
    "a", "-x", "--long=v", "\\;", "'q;r'", '"s && t"', "'#h'", "a#b", "x=y", "-", "--", "1", "\\ ",
    "'multi word'", '"a\\"b"', "''", '""', "*.zz", "{a,b}", "~", "a\\\nb", "[x]", "!", "%", "@",
    "+",
    "é", "a\\'b", "HEAD~1", "a:~", "=c1", "^", ",", "a''b", "'a'b\"c\"", "$'c1'", "$'a\\tb'",
    '$"c1"', '"\\\\"', "'\\'", "'it'\\''s'", "{}", "stash@{0}", "{1..3}", "@(a|b)", "$?", '"e $?"',
    '"!"', "a\rb", "\x1f", "--x=*.c", "src/*.zz", "*", '"$v"', "$v", "${v}", "${v:-dflt}",
    "$((1+2))",
    "${#v}", "${v#x}", '"$\\\n(c1)"', "'unbal'", "'unbal", '"two\nlines"', "'two\nlines'", "#",
    "# x",
]  # fmt: skip
REDIRECTS = [
    ">o1", ">> o2", "2>/dev/null", "2>&1", ">|o3", "&>o4", "</dev/null", "<<<hs", "<<<'h s'",
    "{fd}>o5", "3>&-", "<>o6", ">o7 a", ">&2", ">'o 8'", ">$v", ">d1/o9", "2>o10", ">&o11", ">*",
]  # fmt: skip
JOINTS = [" ; ", " && ", " || ", " | ", " & ", ";", "&&", "|", "|&", "\n", " ;\n", "\n\n", " &&\n",
          " |\n", " \\\n", ";;", "\r\n"]  # fmt: skip
WRAPPERS = ["timeout 5 ", "nice -n 5 ", "env CI=1 ", "time ", "nohup ", "CI=1 ", "time -p ", "x=1 "]


class Lines:
    """Makes up lines, most of them nearly right."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def line(self) -> str:
        return self._command(3)

    def _chance(self, of: float) -> bool:
        return self._random.random() < of

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _name(self) -> str:
        name = self._one(*NAMES)
        odd = (f"'{name}'", f'"{name}"', f"{name[0]}''{name[1:]}", f"{name[0]}\\{name[1:]}",
               f"$'{name}'", "if", "!", "{", "}", "time", "[[", "~", "x=1", "c\\\n1")  # fmt: skip
        return self._one(*odd) if self._chance(0.08) else name

    def _word(self, depth: int) -> str:
        if depth and self._chance(0.08):
            inner = self._command(depth - 1)
            return self._one(f"$({inner})", f'"a $({inner}) b"', f"<({inner})", f"`{inner}`")
        if depth and self._chance(0.04):
            return self._one("\"$(cat <<'E'\nte $(c1) xt\nE\n)\"", "$(cat <<'E'\nx\nE\n)")
        return self._one(*WORDS) if self._chance(0.6) else self._one("w1", "w2", "-n", "w.c")

    def _simple(self, depth: int) -> str:
        if self._chance(0.1):
            return "cd " + self._one(
                "d1", "d2", "..", "d1/d3", "nowhere", "-", "", "d1 d2", "./d1/.."
            )
        parts = [
            self._name(),
            *(self._word(depth) for _ in range(self._random.choice([0, 1, 1, 2]))),
        ]
        if self._chance(0.25):
            parts.append(self._one(*REDIRECTS))
        if self._chance(0.05):
            parts.insert(0, self._one(*REDIRECTS))
        text = "".join(part + self._one(" ", " ", "  ", "\t", " \\\n ") for part in parts).rstrip(
            " "
        )
        return self._one(*WRAPPERS) + text if self._chance(0.08) else text

    def _heredoc(self) -> str:
        end = self._one("'E'", "E", '"E"', "\\E", "'E E'")
        body = self._one(
            "text\n", "$(c1)\n", "`c1`\n", "a;b\n", " E\n", "'\n", "", "x\\\n", "\tE\n"
        )
        behind = self._one(
            "", "", " >o1", " | c2", " && c3", " || c2 | c3", " a", " ; c4", " | c1 && c2"
        )
        joint = self._one("<<", "<< ", "<<-")
        return f"{self._name()} {joint}{end}{behind}\n{body}E\n" + self._one("", self._simple(0))

    def _command(self, depth: int) -> str:
        if depth <= 0 or self._chance(0.3):
            return self._simple(depth)
        if self._chance(0.5):
            return self._command(depth - 1) + self._one(*JOINTS) + self._command(depth - 1)
        one, two = self._command(depth - 1), self._command(depth - 1)
        return self._one(
            f"( {one} )", f"({one}\n)", f"{{ {one}; }}", f"{{ {one}\n}} >o1", f"! {one}", f"!{one}",
            f"if {one}; then {two}; fi", f"if {one}\nthen {two}; else {one}; fi",
            f"if {one}; then {two}; elif {two}; then {one}; fi >o2", f"({one}) | c6",
            f"for i in 1 'a b'; do {one}; c5 \"$i\" $i; done", f"for i in a b; do {one}; done | c6",
            f"v=1; {one}", f"v='a b'; c1 $v \"$v\"; {one}", f"v=1 && {one}", f"(v=2; {one}); c1 $v",
            f"case x in x) {one};; esac", f"while {one}; do {two}; done", f"f() {{ {one}; }}; f",
            f"{one} # comment ' ; c1", f"{one} #x\n{two}", f"# first\n{one}", f"c1 | ({one})",
            f"[[ a == b ]] && {one}", f"time {one}", self._heredoc(), self._heredoc(),
        )  # fmt: skip


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
    """Whether a program got the words that were seen; a glob may become several."""
    if not seen:
        return not ran
    if isinstance(seen[0], shell.Glob):
        names = (count for count in range(1, len(ran) + 1) if _fit(ran[count:], seen[1:]))
        return any(all(fnmatch(n, seen[0]) or n == f"./{seen[0]}" for n in ran[:c]) for c in names)
    return bool(ran) and _fits(ran[0], seen[0]) and _fit(ran[1:], seen[1:])


def _fits(ran: str, seen: str) -> bool:
    if isinstance(seen, shell.Status):
        return re.fullmatch(re.escape(seen).replace(r"\$\?", r"\d{1,3}"), ran) is not None
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
            steps = shell.steps(script, playground.cwd, paths.resolved)
            if any(isinstance(step.run, Unclear) for step in steps):
                continue
        except Unclear:
            continue
        finally:
            shutil.rmtree(tmp_path / "w")
        accepted += 1
        again = shell.read(script.text).text
        assert again == script.text, f"{line!r} as {script.text!r} is {again!r}"
        ours, theirs = playground.run(script.text), playground.run(line)
        for call in ours.ran:
            assert _is_seen(call, steps), f"{line!r} as {script.text!r}: bash ran {call}"
        assert _plain(ours.ran) == _plain(theirs.ran), f"{line!r} as {script.text!r}"
        assert ours.files == theirs.files, f"{line!r} as {script.text!r}"
    assert accepted > LINES / ROUNDS / 10, "the generator is too wild to test anything"
