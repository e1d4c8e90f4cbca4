"""What a pattern means. Globs over words or over path segments; no regular expressions.

Words (bash, chat, web, net, mcp, agent, tool): `*` stands for any letters within one word, `a|b`
for either word, a last `**` for any further words, none included. A pattern without them is exact.
In mcp a `*` ends at the "/" between server and tool.

Paths (read, write): `*` stays within one segment, `**` stands for any segments; "X/**" covers X
itself too. Always absolute by the time they get here. "${INBOX}/**" is about the files that came
for the job that is judged, and no other's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

from appliance.core.model import Act

PATH_ACTS = frozenset({Act.READ.value, Act.WRITE.value})
EVERYTHING = "**"
INBOX = "${INBOX}"
INBOX_ROOT = f"/{INBOX}"
"""Where the files of a job's own inbox are judged to be; no real path begins so (`paths`)."""
WORD_GAP = " "
BLANK_IN_WORD = "\x1f"
"""Stands for a blank inside a word, so that two words never look like one (see `atoms`)."""


@lru_cache(maxsize=65_536)
def _compiled(act: str, pattern: str) -> re.Pattern[str]:
    expression = _path(pattern) if act in PATH_ACTS else _words(act, pattern)
    return re.compile(expression, re.DOTALL)


def matches(act: str, obj: str, pattern: str) -> bool:
    """Whether the pattern covers the object of a request."""
    return _compiled(act, pattern).fullmatch(obj) is not None


def is_exact(act: str, pattern: str) -> bool:
    """Whether the pattern names one thing and nothing else."""
    return "*" not in pattern and (act in PATH_ACTS or "|" not in pattern)


def within(directory: str, where: str) -> bool:
    """Whether a rule applies in a directory: everywhere ("*"), just there, or "TOP/**".

    The directory is "" for what is about no project: only rules for everywhere apply then.
    """
    if where.endswith("/**"):
        return directory != "" and f"{directory}/".startswith(where[:-2])
    return where in ("*", directory)


def rooted(act: str, pattern: str) -> str:
    """The pattern with its placeholder, if it has one, as an absolute path."""
    is_inbox = act in PATH_ACTS and f"{pattern}/".startswith(f"{INBOX}/")
    return f"/{pattern}" if is_inbox else pattern


def mistake_in(act: str, pattern: str) -> str:
    """What is wrong with a pattern as written, "" when nothing is."""
    if rooted(act, pattern) != pattern:
        pattern = pattern.removeprefix(INBOX) or "/"
    if found := _MEANINGLESS.search(pattern):
        return f'"{found[0]}" has no meaning in a pattern; there are only *, ** and |'
    return _mistake_in_path(pattern) if act in PATH_ACTS else _mistake_in_words(act, pattern)


_MEANINGLESS = re.compile(r"[\[\]{}?\\]")
_MORE_WORDS = WORD_GAP + EVERYTHING
_NO_WORD = WORD_GAP * 2


def _mistake_in_words(act: str, pattern: str) -> str:
    if pattern == EVERYTHING:
        return ""
    if EVERYTHING in pattern.removesuffix(_MORE_WORDS):
        return "** can only be the last word, standing alone"
    if _NO_WORD in f"{WORD_GAP}{pattern.replace('|', WORD_GAP)}{WORD_GAP}":
        return "an empty word beside |"
    if act in _SHAPES and not _has_shape(pattern, _SHAPES[act][0]):
        return f"a pattern for {act} is {_SHAPES[act][1]}"
    return ""


def _has_shape(pattern: str, shape: re.Pattern[str]) -> bool:
    """Whether the pattern has it with each alternative of its first word."""
    first, gap, rest = pattern.partition(WORD_GAP)
    return all(map(shape.fullmatch, [head + gap + rest for head in first.split("|")]))


_SHAPES = {
    Act.CHAT.value: (re.compile("/.*"), "a command with its slash, such as /deploy prod"),
    Act.WEB.value: (re.compile("[a-z0-9.*|:-]+"), "a host name in small letters, or search"),
    Act.NET.value: (re.compile(r"[a-z0-9.*-]+:(?:\*|[0-9]{1,5})"), "HOST:PORT in small letters"),
    Act.MCP.value: (re.compile("[^/ ]+/[^/ ]+"), "SERVER/TOOL"),
    Act.AGENT.value: (re.compile("[^ ]+"), "the type of a sub-agent"),
    Act.TOOL.value: (re.compile("[^ ]+"), "the name of a tool"),
    Act.ADMIN.value: (re.compile("[^/].*"), "words without a slash, such as pair **"),
}
"""A pattern of another shape could never match: a deny rule of that kind would be a false hope."""


_NOWHERE = re.compile(r"/\.{0,2}/")
_MORE_THAN_EVERYTHING = re.compile(r"[^/]\*\*|\*\*[^/]")


def _mistake_in_path(pattern: str) -> str:
    if "|" in pattern:
        return "| is for words; write one rule for each path"
    if pattern.startswith("~"):
        return "~ is not resolved; write the whole path"
    if _NOWHERE.search(f"/{pattern.removeprefix('/')}/"):
        return 'a path pattern has no empty, "." or ".." part'
    if _MORE_THAN_EVERYTHING.search(pattern):
        return "** stands for whole directories; use * inside a name"
    return ""


# The groups (?>…) take the first fit and never come back to it: for globs the first fit is as
# good as any, and a hostile object cannot make a match slow.


def _words(act: str, pattern: str) -> str:
    letter = "[^ /]" if act == Act.MCP else "[^ ]"
    words = pattern.split(WORD_GAP)
    if words[-1] != EVERYTHING:
        return WORD_GAP.join(_word(word, letter) for word in words)
    if len(words) == 1:
        return ".*"
    return WORD_GAP.join(_word(word, letter) for word in words[:-1]) + "(?: .*)?"


def _word(word: str, letter: str) -> str:
    return f"(?:{'|'.join(_glob(part, letter) for part in word.split('|'))})"


def _glob(part: str, letter: str) -> str:
    first, *others = map(re.escape, part.split("*"))
    if not others:
        return first
    middle = "".join(f"(?>{letter}*?{literal})" for literal in others[:-1])
    return f"{first}{middle}{letter}*{others[-1]}"


def _path(pattern: str) -> str:
    groups = [""]  # what stands between two **
    for segment in pattern.split("/")[1:]:
        if segment == EVERYTHING:
            groups.append("")
        else:
            groups[-1] += "/" + _glob(segment, "[^/]")
    first, *others = groups
    if not others:
        return first
    middle = "".join(rf"(?>(?:/[^/]+)*?{group}(?=/|\Z))" for group in others[:-1])
    return f"{first}{middle}(?:/[^/]+)*{others[-1]}"


# --- the index: which patterns can match an object, found without trying them


def pattern_keys(act: str, pattern: str) -> list[str]:
    """Where a pattern is filed; an object is looked up under all its `object_keys`."""
    if act in PATH_ACTS:
        return [_literal_directory(pattern)]
    if is_exact(act, pattern):
        return [pattern]
    first, _, rest = pattern.partition(WORD_GAP)
    if "*" in first:
        return [_ANY_WORDS]
    second = rest.partition(WORD_GAP)[0]
    if "|" not in first and "|" not in second:  # nearly all, and there may be thousands
        return [f"{first} *" if "*" in second else f"{first} {second}"]
    return [f"{one} {two}" for one, two in product(_literals(first), _literals(second))]


def object_keys(act: str, obj: str) -> list[str]:
    if act in PATH_ACTS:
        return _upwards(obj)
    first, _, rest = obj.partition(WORD_GAP)
    second = rest.partition(WORD_GAP)[0]
    return [obj, f"{first} {second}", f"{first} *", _ANY_WORDS]


_ANY_WORDS = "* *"


def _literals(word: str) -> list[str]:
    return ["*"] if "*" in word else list(dict.fromkeys(word.split("|")))


def _literal_directory(pattern: str) -> str:
    """The part of a path pattern before its first wildcard, in whole segments."""
    literal, wildcard, _ = pattern.partition("*")
    return (literal.rpartition("/")[0] if wildcard else literal) or "/"


def _upwards(path: str) -> list[str]:
    found = [path]
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        found.append(path)
    if found[-1] != "/":
        found.append("/")
    return found


def directory_keys(directory: str) -> list[str]:
    """The places under which rules for a directory are filed: "*", itself, and all above it."""
    keys = ["*", directory]
    return keys + [f"{top.rstrip('/')}/**" for top in _upwards(directory)] if directory else keys
