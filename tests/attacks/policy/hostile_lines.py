"""Makes up shell lines that are nearly right, and wrong in the ways in which parsers differ."""

from __future__ import annotations

import random

NAMES = [f"c{number}" for number in range(1, 7)]
WORDS = [
    "a", "-x", "--long=v", "\\;", "'q;r'", '"s && t"', "'#h'", "a#b", "x=y", "-", "--", "1", "\\ ",
    "'multi word'", '"a\\"b"', "''", '""', "*.zz", "{a,b}", "~", "a\\\nb", "[x]", "!", "%", "@",
    "+",
    "é", "a\\'b", "HEAD~1", "a:~", "=c1", "^", ",", "a''b", "'a'b\"c\"", "$'c1'", "$'a\\tb'",
    '$"c1"', '"\\\\"', "'\\'", "'it'\\''s'", "{}", "stash@{0}", "{1..3}", "@(a|b)", "$?", '"e $?"',
    '"!"', "a\rb", "\x1f", "--x=*.c", "src/*.zz", "d*", "[!o]*", "$PWD", '"$v"', "$v", "${v}",
    "${v:-dflt}", "$((1+2))",
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
            return self._one(f"$({inner})", f'"a $({inner}) b"', f"<({inner})", f"`{inner}`",
                             f'"$({inner})$({inner})"', f"x$({inner})y")  # fmt: skip
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
        dash = self._one("", "", "", "w1 ", "- ", " -\t", "w1 -- ", "\\- ", "- - ", ">o1 - ")
        return f"{self._name()} {dash}{joint}{end}{behind}\n{body}E\n" + self._one(
            "", self._simple(0)
        )

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
            f"for i in *.zz b; do {one}; c5 \"$i\" \"$i.x\"; done", f"export CI=1; {one}",
            f"for i in {{1..2}}; do c6 $i; {one}; done", "for i in d*; do c5 \"$i\"; done | c6",
            f"[[ a == b ]] && {one}", f"time {one}", self._heredoc(), self._heredoc(),
        )  # fmt: skip
