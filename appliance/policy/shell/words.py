"""A piece of the syntax tree to the word that a program would get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from appliance.policy.shell.guards import unclear
from appliance.policy.shell.script import Glob, Status, quoted

if TYPE_CHECKING:
    from tree_sitter import Node

Variables = Mapping[str, str]

_PLAIN = "write the value itself"
_IN_QUOTES = re.compile(r'\\([$`"\\])')
_EXPANDS = re.compile(r"[$`]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TILDE = re.compile(r"(?:^|[=:])~")
_EXPANDING_BRACE = re.compile(r"\{.*(?:,|\.\.)|^\{\w+\}$")
_GLOB_SIGN = re.compile(r"[*?\[\]]")
_SETS = re.compile(r"\[!?[A-Za-z0-9_.-]+\]")
_UNQUOTED_WORD = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_END_OF_WORD = (b"", b" ", b"\t", b"\n", b"|", b";")
_ANSI = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


class Piece(NamedTuple):
    """Part of a word. `is_open`: outside of quotes, so that its signs have a meaning."""

    text: str
    is_open: bool
    is_status: bool = False


def word(node: Node, source: bytes, variables: Variables) -> str:
    """The word, a `Glob`, or a `Status`. Raises Unclear for what is known only when it runs."""
    pieces = _pieces(node, source, variables)
    value = "".join(piece.text for piece in pieces)
    written = _text(node, source)
    open_text = "".join(piece.text if piece.is_open else "x" for piece in pieces)
    if _TILDE.search(open_text) or (written.startswith("=") and len(written) > 1):
        raise unclear(node, source, "a path that the shell expands", "write the whole path")
    if _EXPANDING_BRACE.search(open_text):
        raise unclear(node, source, "a brace", "write each word on its own")
    if any(piece.is_status for piece in pieces):
        if "$?" in "".join(piece.text for piece in pieces if not piece.is_status):
            raise unclear(node, source, "an expansion", _PLAIN)
        return Status(value)
    if _GLOB_SIGN.search(open_text) and not value.startswith("-"):
        return _glob(node, source, pieces, value)
    return value


def _glob(node: Node, source: bytes, pieces: list[Piece], value: str) -> str:
    shut = "".join(piece.text for piece in pieces if not piece.is_open)
    rest = _SETS.sub("", value)
    if set("*?[]\\") & set(shut) or "[" in rest or "]" in rest:
        raise unclear(node, source, "a glob that could be read in two ways", "put it in quotes")
    text = "".join(
        _SETS.sub(lambda found: found[0], piece.text) if piece.is_open else quoted(piece.text)
        for piece in pieces
        if piece.text
    )
    if not re.fullmatch(r"[A-Za-z0-9_./:@%+,=*?\[\]!'\"~ -]+", text):
        raise unclear(node, source, "a glob with odd signs", "name the files")
    return Glob.of(value, text)


def _pieces(node: Node, source: bytes, variables: Variables) -> list[Piece]:
    text = _text(node, source)
    match node.type:
        case "word":
            return _open_pieces(text)
        case "number":
            return [Piece(text, is_open=True)]
        case "raw_string":
            return [Piece(text[1:-1], is_open=False)]
        case "ansi_c_string":
            return [Piece(_ansi(node, source, text[2:-1]), is_open=False)]
        case "string":
            return [_in_string(node, source, variables)]
        case "$" if source[node.end_byte : node.end_byte + 1] in _END_OF_WORD:
            return [Piece("$", is_open=False)]
        case "concatenation":
            return [p for child in node.children for p in _pieces(child, source, variables)]
        case "simple_expansion" | "expansion":
            return [_variable(node, source, variables, is_quoted=False)]
        case kind:
            what, instead = _CONSTRUCTS.get(kind, ("something that is no plain word", _PLAIN))
            raise unclear(node, source, what, instead)


_RUN_FIRST = "run the inner command first, and write what it printed"
_CONSTRUCTS = {
    "command_substitution": ("a substitution", _RUN_FIRST),
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


def _in_string(node: Node, source: bytes, variables: Variables) -> Piece:
    """ "…": text with \\$ \\` \\" \\\\, `$?`, known variables, and a literal here-document."""
    parts: list[str] = []
    at, is_status = node.start_byte + 1, False
    for child in node.children:
        if child.type in ('"', "string_content"):
            continue
        parts.append(_unescaped(node, source, at, child.start_byte))
        if child.type == "command_substitution":
            parts.append(_here_document(child, source))
        elif child.type in ("simple_expansion", "expansion"):
            piece = _variable(child, source, variables, is_quoted=True)
            is_status |= piece.is_status
            parts.append(piece.text)
        else:
            raise unclear(child, source, "an expansion in quotes", "use '…', or write the value")
        at = child.end_byte
    parts.append(_unescaped(node, source, at, node.end_byte - 1))
    return Piece("".join(parts), is_open=False, is_status=is_status)


def _unescaped(node: Node, source: bytes, start: int, end: int) -> str:
    text = source[start:end].decode()
    if _EXPANDS.search(_ESCAPED.sub("", text)):
        raise unclear(node, source, "an expansion in quotes", "use '…', or write the value")
    return _IN_QUOTES.sub(r"\1", text)


def _variable(node: Node, source: bytes, variables: Variables, *, is_quoted: bool) -> Piece:
    found = re.fullmatch(r"\$(\w+|\?)|\$\{(\w+)\}", _text(node, source))
    name = (found[1] or found[2]) if found else ""
    if name == "?":
        return Piece("$?", is_open=False, is_status=True)
    value = variables.get(name)
    if value is None:
        raise unclear(node, source, "an expansion", _PLAIN)
    if not is_quoted and not _UNQUOTED_WORD.fullmatch(value):
        raise unclear(node, source, "a variable outside of quotes", f'write "${name}"')
    return Piece(value, is_open=False)


def _here_document(node: Node, source: bytes) -> str:
    """ "$(cat <<'EOF' … EOF)" is a literal text; it is how agents write commit messages."""
    inside = node.named_children
    document = inside[0] if len(inside) == 1 else node
    if document.type == "redirected_statement" and len(document.named_children) == 2:
        body, redirect = document.named_children
        is_plain = redirect.type == "heredoc_redirect" and len(redirect.named_children) == 3
        if _text(body, source) == "cat" and is_plain:
            return heredoc_text(redirect, source).rstrip("\n")
    raise unclear(node, source, "a substitution", _RUN_FIRST)


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
