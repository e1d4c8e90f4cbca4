r"""Lists of regular expressions, as other bridges use them, to rules of ours.

    {"allow": ["^git\\s(status|log)"], "block": ["rm\\s+-rf", "curl.*\\|.*sh"]}

A regular expression is held against a whole line, a rule of ours against the words of one
command. So an allowing expression becomes a rule that allows no more, and a blocking one
becomes rules that deny no less of what would run; what cannot be said like that is left out and
named, and so is every entry of a list that we do not understand. What is stricter than before is
noted. A name that says no ("unsafe", "not_allowed", what is except from allowed) blocks.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from re import _parser as expressions  # type: ignore[attr-defined]
from typing import Any

from appliance.errors import ApplianceError
from appliance.policy.patterns import mistake_in

MAX_BYTES = 1_000_000
MAX_EXPRESSIONS = 2_000
WORDS_BEFORE = 5
"""How many words may stand before what an unanchored blocking expression names: those of
`find DIRECTORY -name PATTERN -exec`."""

LIMITS = (
    "rules see the commands of a line, not its text: what stands only in quotes, comments and "
    "here-documents is not denied any more"
)
"""What holds for all that is blocked."""

UNKNOWN = "unknown"
"""The effect of what is in no list that we know."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ALLOW = re.compile(r"allow.*|white.*|permit|permitted|safe")
_NOT = re.compile(r"not?|non|never|without|except.*|exclud.*|unless|but")
_BLOCK = re.compile(
    r"block|den[yi]|black|forbid|dangerous|disallow|reject|unsafe|unallow|unpermit|prohibit|banned",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\[([A-Za-z_ -]+)\]:?|([A-Za-z_ -]+):")
_EXPRESSION_KEYS = frozenset({"pattern", "regex", "expression"})
_REMARK_KEYS = frozenset({"description", "reason", "comment", "message", "name", "id"})
_CLAUDE_RULE = re.compile(r"[A-Z][A-Za-z]*\(.*\)")
_META = "|;&<>`$()\n"
_UNSAYABLE = ",\"'#*[]{}?\\"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one expression: the patterns of its rules, or none, and why."""

    effect: str
    expression: str
    patterns: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """One entry of a list; `why_not` says why it is not understood, "" when it is."""

    effect: str
    text: str
    why_not: str = ""


def read(text: str) -> list[Expression]:
    """The entries of a JSON or text file. Raises ApplianceError when it is neither."""
    if len(text) > MAX_BYTES:
        raise ApplianceError(f"the file has more than {MAX_BYTES} characters")
    first = text.lstrip().partition("\n")[0].strip()
    is_json = first.startswith(("{", "[")) and not _HEADING.fullmatch(first)
    found = _in_json(text) if is_json else list(_in_lines(text))
    if not found:
        raise ApplianceError(
            "no lists found",
            hint='write JSON, {"allow": [...], "block": [...]}, or lines below [allow] and [block]',
        )
    if len(found) > MAX_EXPRESSIONS:
        raise ApplianceError(f"more than {MAX_EXPRESSIONS} expressions")
    return found


def translated(entries: Iterable[Expression]) -> list[Imported]:
    """Each entry with its patterns."""
    return [_translated(entry) for entry in entries]


def _translated(entry: Expression) -> Imported:
    if entry.why_not:
        return Imported(entry.effect, entry.text, (), entry.why_not)
    return _allowed(entry.text) if entry.effect == "allow" else _blocked(entry.text)


# --- files


_Object = tuple[tuple[str, object], ...]
"""An object of JSON as its pairs: a name can stand there twice, and the first is no less meant."""


def _in_json(text: str) -> list[Expression]:
    try:
        value = json.loads(text, object_pairs_hook=tuple)
        return list(_in_value("the file", value, ""))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ApplianceError(f"not JSON: {error}") from error


def _in_value(name: str, value: object, effect: str) -> Iterator[Expression]:
    """What the value of a name lists; text that is in no list is only understood where its name
    is that of one."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, list | tuple):
                yield from _in_value(name, item, effect)
            else:
                yield _entry(name, item, effect)
    elif isinstance(value, tuple) and _EXPRESSION_KEYS & {key for key, _ in value}:
        yield _entry_of_object(name, value, effect)
    elif isinstance(value, tuple):
        for key, inner in value:
            yield from _in_value(key, inner, _effect_of(key, effect))
    elif effect:
        yield _entry(name, value, effect if _effect_of(name, "") else "")


def _entry(name: str, value: object, effect: str) -> Expression:
    if not effect:
        return Expression(UNKNOWN, _text(value), f'"{name}" is no list that allows or blocks')
    why_not = "" if isinstance(value, str) else "it is no text"
    return Expression(effect, _text(value), why_not)


def _entry_of_object(name: str, pairs: _Object, effect: str) -> Expression:
    """An expression with remarks; what else is said beside it may change what it means."""
    others = {key for key, _ in pairs} - _EXPRESSION_KEYS - _REMARK_KEYS
    expressions_said = [value for key, value in pairs if key in _EXPRESSION_KEYS]
    if not effect or others or len(expressions_said) > 1:
        said = f"with {', '.join(sorted(others))}" if others else f'in "{name}"'
        why_not = f"an object {said}: write the expression alone, below allow or block"
        return Expression(effect or UNKNOWN, json.dumps(dict(pairs)), why_not)
    return _entry(name, expressions_said[0], effect)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _in_lines(text: str) -> Iterator[Expression]:
    effect = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            effect = _effect_of(heading[1] or heading[2], "")
        if not effect:
            what = "names no list that allows or blocks" if heading else "is in no list"
            raise ApplianceError(
                f"line {number} {what}: {line!a}", hint="write [allow] or [block] above it"
            )
        if not heading:
            yield Expression(effect, line)


def _effect_of(name: str, around: str) -> str:
    """What a list of that name does within one that does `around`; "" when no word tells."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if around == "deny" or _BLOCK.search(name):
        return "deny"
    if around == "allow" or any(map(_ALLOW.fullmatch, words)):
        return "deny" if any(map(_NOT.fullmatch, words)) else "allow"
    return ""


# --- one expression


class _Unsayable(Exception):
    """Words of ours cannot say this; the message says what."""


@dataclass(slots=True)
class _Said:
    """An expression as words: each a list of alternatives, some of which end with `*`."""

    words: list[list[str]] = field(default_factory=lambda: [[""]])
    is_anchored: bool = False
    is_ended: bool = False
    is_cut: str = ""  # what stood where it was cut off

    def add(self, alternatives: Sequence[str]) -> None:
        self.words[-1] = [word + more for word in self.words[-1] for more in alternatives]
        if len(self.words[-1]) > 100:
            raise _Unsayable("too many alternatives")

    def gap(self) -> None:
        if self.words[-1] != [""]:
            self.words.append([""])


def _tree(text: str) -> list[tuple[str, Any]]:
    if _CLAUDE_RULE.fullmatch(text):
        raise _Unsayable("a rule of Claude Code, no regular expression; write it as ours")
    try:
        with warnings.catch_warnings(action="ignore"):  # of what may mean something else one day
            parsed = expressions.parse(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise _Unsayable(f"not a regular expression: {error}") from error
    if parsed.state.flags & re.IGNORECASE:
        raise _Unsayable("it ignores case, rules do not")
    return [(str(op), value) for op, value in parsed]


def _allowed(text: str) -> Imported:
    """No more than before: what is not surely covered is left out."""
    try:
        said = _Said()
        for op, value in _without_open_end(_tree(text)):
            if said.is_ended:
                raise _Unsayable("something behind its end")
            _say_exactly(said, op, value)
        if said.words == [[""]] or (said.is_ended and said.words[-1] == [""]):
            raise _Unsayable("it names no command")
        return Imported("allow", text, (_pattern(said, opens=not said.is_ended),), _narrower(said))
    except _Unsayable as error:
        return Imported("allow", text, (), str(error))


def _without_open_end(tree: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """A last ".*" or ".*$" is what our open end means, too."""
    is_ended = bool(tree) and tree[-1][0] == "AT" and str(tree[-1][1]) == "AT_END"
    last = tree[-2:-1] if is_ended else tree[-1:]
    if last and last[0][0] == "MAX_REPEAT" and _is_anything(last[0][1]):
        return tree[: -2 if is_ended else -1]
    return tree


def _narrower(said: _Said) -> str:
    return "" if said.is_anchored else "only at the start of a command, not anywhere in a line"


def _say_exactly(said: _Said, op: str, value: Any) -> None:
    is_first = said.words == [[""]]
    if op == "AT" and str(value) in ("AT_BEGINNING", "AT_BEGINNING_STRING") and is_first:
        said.is_anchored = True
    elif op == "AT" and str(value) in ("AT_END", "AT_END_STRING"):
        said.is_ended = True
    elif op == "AT":
        raise _Unsayable("a place between words")
    elif _is_blank(op, value) and not is_first:
        if said.words[-1] == [""]:
            raise _Unsayable("two blanks")
        said.gap()
    else:
        said.add(_literals(op, value))


def _blocked(text: str) -> Imported:
    """No less than before: what is not plain text is widened, what crosses commands is cut."""
    try:
        tree, said = _tree(text), _Said()
        for op, value in tree:
            if not _say_widely(said, op, value):
                break
        if not any(re.search(r"[A-Za-z0-9]", part) for part in said.words[0]):
            raise _Unsayable("it names no program to deny")
        return Imported("deny", text, tuple(_everywhere(said)), _stricter(said))
    except _Unsayable as error:
        return Imported("deny", text, (), str(error))


def _say_widely(said: _Said, op: str, value: Any) -> bool:
    """Whether to go on: not behind what can reach into another word or command."""
    if op == "AT":
        said.is_anchored |= str(value) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        said.is_ended |= str(value) in ("AT_END", "AT_END_STRING")
        return True
    if _is_blank(op, value):
        if op == "MAX_REPEAT" and value[0] == 0:  # perhaps no blank at all
            said.is_cut = r"\s*"
            return False
        said.gap()
        return True
    try:
        found = _literals(op, value)
    except _Unsayable as error:
        said.is_cut = str(error)
        return said.words == [[""]] and not said.is_anchored and _is_anything_op(op, value)
    said.add(found)
    return True


def _stricter(said: _Said) -> str:
    notes = [f"stricter than before: cut at {said.is_cut}"] if said.is_cut else []
    if not said.is_anchored:
        notes.append(f"denied behind at most {WORDS_BEFORE} words of the same command")
    return "; ".join(notes)


def _everywhere(said: _Said) -> Iterator[str]:
    """With words before it, because the expression may match anywhere in a line."""
    first = said.words[0]
    if said.is_anchored:
        yield _pattern(said, opens=not said.is_ended, is_open_word=not said.is_ended)
        return
    said.words[0] = [f"*{part}" for part in first]
    for before in range(WORDS_BEFORE + 1):
        words = [["*"]] * before + said.words
        whole = _Said(words, said.is_anchored, said.is_ended, said.is_cut)
        yield _pattern(whole, opens=not said.is_ended, is_open_word=not said.is_ended)


def _pattern(said: _Said, *, opens: bool, is_open_word: bool = False) -> str:
    words = [list(word) for word in said.words]
    has_gap = words[-1] == [""]
    if has_gap:
        words[-1] = ["*"]
    elif is_open_word:
        words[-1] = [f"{part}*" for part in words[-1]]
    pattern = " ".join("|".join(dict.fromkeys(word)) for word in words)
    pattern = re.sub(r"\*+", "*", pattern) + (" **" if opens else "")
    if what := mistake_in("bash", pattern):
        raise _Unsayable(what)
    return pattern


# --- pieces


def _is_blank(op: str, value: Any) -> bool:
    r""" "\s", " ", "\s+", "[ \t]+"."""
    if op == "MAX_REPEAT":
        inner = value[2]
        return len(inner) == 1 and _is_blank(str(inner[0][0]), inner[0][1])
    if op == "IN":
        return all(_is_blank_sign(str(kind), sign) for kind, sign in value)
    return _is_blank_sign(op, value)


def _is_blank_sign(op: str, value: Any) -> bool:
    return (op == "CATEGORY" and str(value) == "CATEGORY_SPACE") or (
        op == "LITERAL" and chr(value) in " \t"
    )


def _is_anything(value: Any) -> bool:
    low, _, inner = value
    return low == 0 and len(inner) == 1 and str(inner[0][0]) == "ANY"


def _is_anything_op(op: str, value: Any) -> bool:
    return op == "MAX_REPEAT" and len(value[2]) == 1 and str(value[2][0][0]) == "ANY"


def _literals(op: str, value: Any) -> list[str]:
    """The texts that a piece stands for, when they are few and plain."""
    if op == "LITERAL":
        return [_plain(chr(value))]
    if op == "IN" and all(str(kind) == "LITERAL" for kind, _ in value):
        return [_plain(chr(sign)) for _, sign in value]
    if op == "SUBPATTERN":
        _, added_flags, _, pieces = value
        if added_flags & re.IGNORECASE:
            raise _Unsayable("a part that ignores case, which rules do not")
        return _sequence(pieces)
    if op == "BRANCH":
        return [text for branch in value[1] for text in _sequence(branch)]
    raise _Unsayable(_NAMES.get(op, "something that is not plain text"))


def _sequence(pieces: Iterable[Any]) -> list[str]:
    texts = [""]
    for op, value in pieces:
        texts = [text + more for text in texts for more in _literals(str(op), value)]
        if len(texts) > 100:
            raise _Unsayable("too many alternatives")
    if "" in texts:
        raise _Unsayable("an empty alternative")
    return texts


def _plain(sign: str) -> str:
    if sign in _META:
        raise _Unsayable(f"{sign!r}, which is about several commands or files")
    if sign in _UNSAYABLE or sign.isspace() or not sign.isprintable():
        raise _Unsayable(f"{sign!r}, which no pattern can say")
    return sign


_NAMES = {
    "MAX_REPEAT": "a repetition",
    "MIN_REPEAT": "a repetition",
    "ANY": "any sign (.)",
    "IN": "a set of signs",
    "NOT_LITERAL": "a set of signs",
    "ASSERT": "a look-ahead",
    "ASSERT_NOT": "a look-ahead",
    "GROUPREF": "a back reference",
}
