"""Scripts given to awk, sed and jq: only what provably reads its input and prints.

Each check reads the whole script with a small lexer of its own and raises Unclear at the first
thing it does not know. Nothing is skipped as "only a string" or "only a regular expression" unless
the lexer is certain where it begins and ends, because that is where commands hide:
`/"/ {system("x")} /"/` is two regular expressions around a call.
"""

from __future__ import annotations

import re

from appliance.policy.atoms import Unclear

_INSTEAD = "use a simpler script, or a program with plain options"

# --- awk

_AWK_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|\\\n)|(?P<line>\n)|(?P<string>"(?:\\[^\n]|[^"\\\n])*")"""
    r"""|(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<sign>&&|\|\||[<>=!+*%^-]=|\+\+|--|[{}()\[\],;$~!<>=+*%^?:/-])"""
)
_AWK_REGEX = re.compile(r"/((?:\\[^\n]|[^/\\\n])*)/")
_AWK_NAMES = frozenset({
    "BEGIN", "END", "FILENAME", "FNR", "FS", "NF", "NR", "OFS", "ORS", "RS", "RSTART", "RLENGTH",
    "SUBSEP", "CONVFMT", "OFMT", "if", "else", "while", "for", "do", "break", "continue", "next",
    "exit", "in", "delete", "print", "printf", "length", "substr", "index", "split", "sub", "gsub",
    "match", "sprintf", "tolower", "toupper", "sin", "cos", "atan2", "exp", "log", "sqrt", "int",
    "rand", "srand", "gensub", "asort", "asorti", "strftime", "systime", "strtonum",
})  # fmt: skip
_AWK_STATEMENTS = frozenset({
    "print", "printf", "in", "if", "else", "while", "for", "do", "break", "continue", "delete",
    "exit", "next", "length", "BEGIN", "END",
})  # fmt: skip
"""Behind them a "/" may begin a regular expression."""
_AWK_REGEX_BEHIND = frozenset({"", "(", ",", "{", "}", ";", "!", "~", "&&", "||", "\n"})


def check_awk(script: str) -> None:
    """No commands, no files, no variables of the environment."""
    at, before, before_kind = 0, "", "sign"
    parentheses = braces = 0
    while at < len(script):
        if script[at] == "/" and before in _AWK_REGEX_BEHIND and before_kind in ("sign", "line"):
            found = _AWK_REGEX.match(script, at)
            if not found or _has_open_set(found[1]):
                raise _refused("awk", script, at)
            at, before, before_kind = found.end(), "/re/", "regex"
            continue
        token = _AWK_TOKEN.match(script, at)
        if not token:
            raise _refused("awk", script, at)
        kind, text = str(token.lastgroup), token[0]
        if kind == "name" and not _is_harmless_name(text):
            raise _refused("awk", script, at)
        if text == "/" and not _may_be_divided(before, before_kind):
            raise _refused("awk", script, at)
        if text == ">" and braces and not parentheses:  # `print > "file"`
            raise _refused("awk", script, at)
        parentheses += (text == "(") - (text == ")")
        braces += (text == "{") - (text == "}")
        if kind != "blank":
            before, before_kind = text, kind
        at = token.end()


def _is_harmless_name(name: str) -> bool:
    is_variable = re.fullmatch(r"[a-z][a-z0-9_]{0,15}", name) and name not in _AWK_FORBIDDEN
    return name in _AWK_NAMES or bool(is_variable)


_AWK_FORBIDDEN = frozenset({"system", "getline", "close", "fflush", "function", "func", "nextfile",
                            "return", "switch", "case", "default", "getuid", "readfile",
                            "chdir", "extension"})  # fmt: skip


def _may_be_divided(before: str, kind: str) -> bool:
    return kind == "number" or (kind == "name" and before not in _AWK_STATEMENTS)


def _has_open_set(expression: str) -> bool:
    """Whether a [ has no ] behind it: then the sign that ends the expression may be inside."""
    rest = re.sub(r"\\.|\[:[a-z]+:\]", "", expression)
    return "[" in re.sub(r"\[\^?\]?[^\]\[]*\]", "", rest)


# --- sed

_SED_ADDRESS = r"(?:\d+(?:~\d+)?|\$|/(?:\\[^\n]|[^/\\\n])*/I?)"
_SED_COMMAND = re.compile(
    rf"\s*(?:({_SED_ADDRESS})(?:,\s*({_SED_ADDRESS}|\+\d+))?\s*!?)?\s*"
    r"(?:\{|\}\s*(?:;|\n|(?=\})|\Z)|(?:[pdqnNDPhHgGx=]|q\d+"
    r"|[sy](?P<end>[/|#,@:!])(?P<find>(?:\\[^\n]|(?!(?P=end))[^\\\n])*)(?P=end)"
    r"(?P<put>(?:\\[^\n]|(?!(?P=end))[^\\\n])*)(?P=end)[gpiI0-9]*)\s*(?:;|\n|(?=\})|\Z))"
)


def check_sed(script: str) -> None:
    """Only printing, deleting and substituting: no e, w, r, and none as a flag of s."""
    at = 0
    while at < len(script):
        found = _SED_COMMAND.match(script, at)
        texts = [found[1], found[2], found["find"], found["put"]] if found else []
        if not found or any(_has_open_set(text) for text in texts if text):
            raise _refused("sed", script, at)
        at = found.end()


# --- jq

_JQ_FORBIDDEN = re.compile(
    r"\$\s*(?:ENV|__prog)|(?<!\.)\b(?:env|include|import|modulemeta|get_search_list)\b"
)


def check_jq(script: str) -> None:
    """No environment, no modules, nothing but the output. Found in texts, too: to be sure."""
    found = _JQ_FORBIDDEN.search(script)
    if found:
        raise _refused("jq", script, found.start())


def _refused(program: str, script: str, at: int) -> Unclear:
    near = script[at : at + 16].split("\n")[0]
    return Unclear(
        f'the {program} script is not reviewed at character {at + 1}: "{near}"', _INSTEAD
    )
