"""Formatting keeps the meaning and the comments, and is done after one time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.fields import cut
from appliance.policy.fmt import formatted

_line = st.one_of(
    st.sampled_from([
        "", "  # note", "# a, b", "g, me,owner", "g , dana,\tdev # who", "x, broken",
        "p,dev,*,bash,git   status **,allow", "p, owner, demo, write, src/**, approve, by=lead",
        "p, dev, *, bash, ls, allow,", "q,dev , *,commands=3/h", "P, dev, *, bash, ls, deny",
        't, me, *, bash, echo  "a,  b" # c; ls, deny', "t, me,*, bash,a, b, c,allow   # why",
        "t, me, *, bash, x, allow # y, deny", 'p, dev, *, bash, "ls", deny',
    ]),
    st.text("pgqt,# *\t\"'ab=", max_size=30),
)  # fmt: skip
_files = st.lists(_line, max_size=12).map(lambda lines: "\n".join(lines) + "\n")


def _meaning(text: str) -> tuple[list[tuple[str, ...]], list[str]]:
    mistakes: list[str] = []
    lines = cut("", text, mistakes)
    trimmed = [line.fields[:6] if line.fields[-1] == "" else line.fields for line in lines]
    return trimmed, [mistake.split(": ", 1)[1] for mistake in mistakes]


@given(_files)
def test_formatting_keeps_what_the_lines_say(text: str) -> None:
    assert _meaning(formatted(text)) == _meaning(text)


@given(_files)
def test_formatting_twice_is_formatting_once(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once


@given(_files)
def test_no_sign_but_blanks_is_lost(text: str) -> None:
    def signs(written: str) -> str:
        return "".join(written.split()).replace(",", "")

    assert signs(formatted(text)) == signs(text)


def test_columns_stand_below_each_other() -> None:
    assert formatted(
        "p, dev, *, bash, git status **, allow # looks\np, owner, demo, web, **, approve, by=lead\n"
    ) == (
        "p, dev,   *,    bash, git status **, allow  # looks\n"
        "p, owner, demo, web,  **,            approve, by=lead\n"
    )
