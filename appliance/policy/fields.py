"""A *.csv file to lines cut into fields; what is not understood is never skipped.

    g, MEMBER, ROLE                                       a grant
    p, ROLE, PROJECT, ACT, PATTERN, EFFECT, OPTIONS       a rule
    q, ROLE, PROJECT, LIMITS                              a quota
    t, USER, PROJECT, ACT, INPUT, VERDICT                 a test

Casbin's own file adapter would load "P, …", "Deny" or "deny # note" and then allow: every word
here is compared exactly. A "#" at the start or after a blank begins a comment. The input of a
test is a command line as people type it: it may hold commas, quotes and "#", so its line is cut
from both ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.core.model import Rule
from appliance.core.toml import nearest

MAX_LINE_CHARACTERS = 4_000

SHAPES = {
    "g": "g, USER-OR-ROLE, ROLE",
    "p": "p, ROLE, PROJECT, ACT, PATTERN, EFFECT, OPTIONS",
    "q": "q, ROLE, PROJECT, commands=100/h cost=5.00/day",
    "t": "t, USER, PROJECT, ACT, INPUT, allow|approve|deny",
}
_FIELDS = {"g": (3,), "p": (6, 7), "q": (4,), "t": (6,)}
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#")
_VERDICT = re.compile(r",[ \t]*[a-z]+[ \t]*(?=$|[ \t]#)")


@dataclass(slots=True)
class Line:
    """A line cut into fields, not checked yet. Mistakes are noted with file, line and column."""

    rule: Rule
    raw: str
    fields: tuple[str, ...]
    mistakes: list[str]

    @property
    def kind(self) -> str:
        return self.fields[0]

    def wrong(self, what: str, number: int = 0, word: str = "") -> None:
        """Note a mistake in field `number`, at `word` in it where given."""
        self.mistakes.append(f"{self.rule}:{self._column(number, word)}: {what}")

    def _column(self, number: int, word: str) -> int:
        starts = [0, *(found.end() for found in re.finditer(",", self.raw))]
        start = starts[min(number, len(starts) - 1)]
        start += len(self.raw[start:]) - len(self.raw[start:].lstrip(" \t"))
        return start + max(self.raw[start:].find(word), 0) + 1


def cut(name: str, text: str, mistakes: list[str]) -> list[Line]:
    """The lines of a file that say something."""
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        if said := said_in(raw):
            line = Line(Rule(name, number, said), raw, _fields(said), mistakes)
            if wrong := _wrong_shape(line):
                line.wrong(*wrong)
            else:
                lines.append(line)
    return lines


def said_in(raw: str) -> str:
    """A line without its comment and the blanks around it."""
    said = raw.strip(" \t")
    if "#" not in said:
        return said
    if said[0] == "t":
        ends = [found.end() for found in _VERDICT.finditer(said)]
        return said[: ends[0]].rstrip(" \t") if len(ends) == 1 else said
    return _COMMENT.split(said, maxsplit=1)[0].rstrip(" \t")


def _fields(said: str) -> tuple[str, ...]:
    if said[0] == "t" and said.partition(",")[0].rstrip(" \t") == "t":
        return _fields_of_test(said)
    is_plain = "  " not in said and " ," not in said and "\t" not in said
    if is_plain and said.count(",") == said.count(", "):  # nearly all, and there may be thousands
        return tuple(said.split(", ", 6))
    return tuple([" ".join(part.split()) for part in said.split(",", 6)])


def _fields_of_test(said: str) -> tuple[str, ...]:
    parts = said.split(",", 4)
    if len(parts) == 5:
        parts[4:] = parts[4].rsplit(",", 1)
    return tuple(part.strip(" \t") for part in parts)


def _wrong_shape(line: Line) -> tuple[str, int, str] | None:
    """What is wrong with the line as a whole, in which field, at which word; None: nothing."""
    said, fields, kind = line.rule.text, line.fields, line.fields[0]
    if len(line.raw) > MAX_LINE_CHARACTERS:
        return f"a line of more than {MAX_LINE_CHARACTERS} characters", 0, ""
    if kind not in SHAPES:
        near = nearest(kind.casefold(), SHAPES) or ", a line begins with p, g, q or t"
        return f'unknown kind of line "{kind}"{near}', 0, ""
    if kind == "t":
        return _wrong_test(line)
    if '"' in said or "'" in said:
        quote = '"' if '"' in said else "'"
        return "quotes have no meaning here; write the words as they are", 0, quote
    if len(fields) not in _FIELDS[kind]:
        return f"{len(fields)} fields; write: {SHAPES[kind]}", 0, ""
    if "" in fields and (empty := fields.index("")) < 6:
        return f"field {empty + 1} is empty; write: {SHAPES[kind]}", empty, ""
    return None


def _wrong_test(line: Line) -> tuple[str, int, str] | None:
    if len(line.fields) != 6 or "" in line.fields:
        return f"{len(line.fields)} fields, none may be empty; write: {SHAPES['t']}", 0, ""
    if "#" in line.raw and len(_VERDICT.findall(line.raw.strip(" \t"))) > 1:
        return "it could end in two places; put the comment on a line of its own", 4, "#"
    return None
