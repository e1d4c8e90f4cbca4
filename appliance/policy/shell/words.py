"""A piece of the syntax tree to the word that a program would get."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.policy.shell.guards import unclear
from appliance.policy.shell.script import Glob, Late, Sequence, quoted

if TYPE_CHECKING:
    from tree_sitter import Node

Variables = Mapping[str, str]

MAX_BRACE_WORDS = 100

_HARMLESS = frozenset({"HOME", "PATH", "PWD", "SHELL", "USER"})
"""Variables that may be shown; the shell's others may hold secrets."""

_PLAIN = "write the value itself"
_IN_SINGLE_QUOTES = "use '…', or write the value"
_BRACES = re.compile(
    r"([A-Za-z0-9_./:@%+=*-]*)\{(?:([A-Za-z0-9_./*-]*(?:,[A-Za-z0-9_./*-]*)+)"
    r"|(0|[1-9][0-9]{0,2})\.\.(0|[1-9][0-9]{0,2}))\}([A-Za-z0-9_./:@%+=*-]*)"
)
_IN_QUOTES = re.compile(r'\\([$`"\\])')
_EXPANDS = re.compile(r"`|\$(?![\s|)/.,;])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TILDE = re.compile(r"(?:^|[=:])~")
_EXPANDING_BRACE = re.compile(r"\{.*(?:,|\.\.)|^\{\w+\}$")
_GLOB_SIGN = re.compile(r"[*?\[\]]")
_SETS = re.compile(r"\[!?[A-Za-z0-9_.-]+\]")
_UNQUOTED_WORD = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_END_OF_WORD = (b"", b" ", b"\t", b"\n", b"|", b";")
_ANSI = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


class Piece(NamedTuple):
    """Part of a word. `is_open`: outside of quotes, so that its signs have a meaning.
    `stands_for` something that is known only when it runs."""

    text: str
    is_open: bool
    stands_for: Glob | Late | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The line, what its variables stand for, and how the commands in a substitution are read."""

    source: bytes
    variables: Variables
    commands: Callable[[Node], Sequence]


def words(node: Node, context: Context) -> list[str]:
    """The word, or those that a plain brace stands for: `src/{a,b}`, `{1..3}`."""
    text = _text(node, context.source)
    found = _BRACES.fullmatch(text)
    if not found or node.type not in ("word", "concatenation", "brace_expression"):
        return [word(node, context)]
    before, several, first, last, behind = found.groups()
    parts = several.split(",") if several else [*map(str, range(int(first), int(last) + 1))]
    expanded = [f"{before}{part}{behind}" for part in parts]
    if not expanded or "" in expanded or len(expanded) > MAX_BRACE_WORDS:
        raise unclear(node, context.source, "a brace", "write each word on its own")
    return [_joined(node, context.source, [Piece(one, is_open=True)]) for one in expanded]


def word(node: Node, context: Context) -> str:
    """The word, a `Glob`, or `Late`. Raises Unclear for what cannot be said before it runs."""
    return _joined(node, context.source, _pieces(node, context))


def _joined(node: Node, source: bytes, pieces: list[Piece]) -> str:
    value = "".join(piece.text for piece in pieces)
    written = _text(node, source)
    open_text = "".join(piece.text if piece.is_open else "x" for piece in pieces)
    if _TILDE.search(open_text) or (written.startswith("=") and len(written) > 1):
        raise unclear(node, source, "a path that the shell expands", "write the whole path")
    if _EXPANDING_BRACE.search(open_text):
        raise unclear(node, source, "a brace", "write each word on its own")
    if len(pieces) == 1 and isinstance(pieces[0].stands_for, Glob):
        return pieces[0].stands_for
    has_glob = _GLOB_SIGN.search(open_text) and not value.startswith("-")
    if any(piece.stands_for is not None for piece in pieces):
        if has_glob:
            raise unclear(node, source, "a glob that could be read in two ways", "put it in quotes")
        return _late(pieces, value)
    return _glob(node, source, pieces, value) if has_glob else value


def _late(pieces: list[Piece], value: str) -> Late:
    late = [piece.stands_for for piece in pieces if isinstance(piece.stands_for, Late)]
    inner = tuple(commands for one in late for commands in one.inner)
    written = (quoted(piece.stands_for or piece.text) for piece in pieces if piece.text)
    return Late.of(value, "".join(written), inner)


def _glob(node: Node, source: bytes, pieces: list[Piece], value: str) -> str:
    shut = "".join(piece.text for piece in pieces if not piece.is_open)
    rest = _SETS.sub("", value)
    # `**` is `*` for bash and any depth for zsh
    if set("*?[]\\") & set(shut) or "[" in rest or "]" in rest or "**" in rest:
        raise unclear(node, source, "a glob that could be read in two ways", "put it in quotes")
    text = "".join(
        _SETS.sub(lambda found: found[0], piece.text) if piece.is_open else quoted(piece.text)
        for piece in pieces
        if piece.text
    )
    if not re.fullmatch(r"[A-Za-z0-9_./:@%+,=*?\[\]!'\"~ -]+", text):
        raise unclear(node, source, "a glob with odd signs", "name the files")
    return Glob.of(value, text)


def _pieces(node: Node, context: Context) -> list[Piece]:
    text = _text(node, context.source)
    match node.type:
        case "word":
            return _open_pieces(text)
        case "number":
            return [Piece(text, is_open=True)]
        case "raw_string":
            return [Piece(text[1:-1], is_open=False)]
        case "ansi_c_string":
            return [Piece(_ansi(node, context.source, text[2:-1]), is_open=False)]
        case "string":
            return _in_string(node, context)
        case "$" if context.source[node.end_byte : node.end_byte + 1] in _END_OF_WORD:
            return [Piece("$", is_open=False)]
        case "concatenation":
            return [piece for child in node.children for piece in _pieces(child, context)]
        case "simple_expansion" | "expansion":
            return [_variable(node, context, is_quoted=False)]
        case "command_substitution":
            return [_printed(node, context, is_quoted=False)]
        case kind:
            what, instead = _CONSTRUCTS.get(kind, ("something that is no plain word", _PLAIN))
            raise unclear(node, context.source, what, instead)


_RUN_FIRST = "run the inner command first, and write what it printed"
_CONSTRUCTS = {
    "process_substitution": ("a substitution", _RUN_FIRST),
    "arithmetic_expansion": ("an expansion", _PLAIN),
    "brace_expression": ("a brace", "write each word on its own"),
    "$": ("an expansion", _PLAIN),
}


def _open_pieces(text: str) -> list[Piece]:
    """An unquoted word: what stands behind a backslash is as if quoted."""
    pieces, at = [], 0
    for found in _ESCAPED.finditer(text):
        pieces += [Piece(text[at : found.start()], True), Piece(found[1], False)]
        at = found.end()
    return [*pieces, Piece(text[at:], True)]


def _ansi(node: Node, source: bytes, text: str) -> str:
    if re.search(r"\\[^nt\\'\"]", re.sub(r"\\\\", "", text)):
        raise unclear(node, source, "an escape in $'…'", "write the sign itself, in '…'")
    return _ESCAPED.sub(lambda found: _ANSI[found[1]], text)


def _in_string(node: Node, context: Context) -> list[Piece]:
    """ "…": text with \\$ \\` \\" \\\\, `$?`, known variables, and what commands print."""
    pieces: list[Piece] = []
    at = node.start_byte + 1
    for child in node.children:
        if child.type in ('"', "string_content", "$"):
            continue
        blanks = len(_text(child, context.source)) - len(_text(child, context.source).lstrip())
        # the grammar takes a blank before a substitution for its first sign
        pieces.append(_plain(node, context.source, at, child.start_byte + blanks))
        if child.type == "command_substitution":
            pieces.append(_printed(child, context, is_quoted=True))
        elif child.type in ("simple_expansion", "expansion"):
            pieces.append(_variable(child, context, is_quoted=True))
        else:
            raise unclear(child, context.source, "an expansion in quotes", _IN_SINGLE_QUOTES)
        at = child.end_byte
    last = _plain(node, context.source, at, node.end_byte - 1, is_last=True)
    return [piece for piece in (*pieces, last) if piece.text]


def _plain(node: Node, source: bytes, start: int, end: int, *, is_last: bool = False) -> Piece:
    text = source[start:end].decode()
    if _EXPANDS.search(_ESCAPED.sub("", text) + (" " if is_last else "x")):
        raise unclear(node, source, "an expansion in quotes", _IN_SINGLE_QUOTES)
    return Piece(_IN_QUOTES.sub(r"\1", text), is_open=False)


def _variable(node: Node, context: Context, *, is_quoted: bool) -> Piece:
    found = re.fullmatch(r"\s*(?:\$(\w+|\?)|\$\{(\w+)\})", _text(node, context.source))
    name = (found[1] or found[2]) if found else ""
    if name == "?":
        return Piece("$?", is_open=False, stands_for=Late.of("$?", '"$?"'))
    if name in _HARMLESS:
        return Piece(f"${name}", is_open=False, stands_for=Late.of(f"${name}", f'"${name}"'))
    value = context.variables.get(name)
    if value is None:
        raise unclear(node, context.source, "an expansion", _PLAIN)
    if isinstance(value, Glob | Late):
        return Piece(value, is_open=False, stands_for=value)
    if not is_quoted and not _UNQUOTED_WORD.fullmatch(value):
        raise unclear(node, context.source, "a variable outside of quotes", f'write "${name}"')
    return Piece(value, is_open=False)


def _printed(node: Node, context: Context, *, is_quoted: bool) -> Piece:
    """What the commands in `$(…)` print. "$(cat <<'EOF' … EOF)" is a literal text; it is how
    agents write commit messages."""
    text = _here_document(node, context.source) if is_quoted else None
    if text is not None:
        return Piece(text, is_open=False)
    if not _text(node, context.source).lstrip().startswith("$("):
        raise unclear(node, context.source, "a substitution", "write $(…) instead of `…`")
    commands = context.commands(node)
    value = f"$({' ' if commands.text.startswith('(') else ''}{commands.text})"
    late = Late.of(value, f'"{value}"' if is_quoted else value, (commands,))
    return Piece(value, is_open=False, stands_for=late)


def _here_document(node: Node, source: bytes) -> str | None:
    inside = node.named_children
    document = inside[0] if len(inside) == 1 else node
    if document.type == "redirected_statement" and len(document.named_children) == 2:
        body, redirect = document.named_children
        is_plain = redirect.type == "heredoc_redirect" and len(redirect.named_children) == 3
        if _text(body, source) == "cat" and is_plain:
            return heredoc_text(redirect, source).rstrip("\n")
    return None


def heredoc_text(node: Node, source: bytes) -> str:
    """The text of a here-document without expansions. Raises Unclear for any other."""
    parts = {child.type: child for child in node.children}
    delimiter = _text(parts["heredoc_start"], source)
    body = _text(parts["heredoc_body"], source) if "heredoc_body" in parts else ""
    name = re.fullmatch(r"'(\w+)'|\"(\w+)\"|(\w+)", delimiter)
    end = name[name.lastindex or 0] if name else ""
    if not name or not _is_whole_line(parts.get("heredoc_end"), end, source):
        raise unclear(node, source, "a here-document with an odd end", "end it with 'EOF'")
    if name[3] and re.search(r"[$`\\]", body):
        instead = "quote its end: <<'EOF'"
        raise unclear(node, source, "a here-document with expansions", instead)
    if "<<-" in parts or (body and not body.endswith("\n")) or end in body.split("\n"):
        raise unclear(node, source, "a here-document that could end in two places", "use <<'EOF'")
    return body


def _is_whole_line(node: Node | None, text: str, source: bytes) -> bool:
    """Whether the end stands alone; the grammar takes it behind blanks, too."""
    return (
        node is not None
        and re.search(
            rb"(?:\A|\n)" + re.escape(text.encode()) + rb"(?:\n|\Z)",
            source[node.start_byte - 1 : node.end_byte + 1],
        )
        is not None
    )


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode()
