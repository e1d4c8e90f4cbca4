"""What is refused before the grammar is asked, and where the grammar is known to be wrong.

tree-sitter-bash reads some lines unlike bash without saying so: it drops a lone "-" or an
escaped blank, takes a line break inside a command for a blank, hangs several words on one
redirection. Each such case leaves a trace in the tree, and the traces are what is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from appliance.policy.atoms import Unclear
from appliance.policy.sources import hidden_in

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_LINE_CHARACTERS = 10_000
MAX_DEPTH = 40

_TOKENS = frozenset({"string", "raw_string", "ansi_c_string", "heredoc_body", "comment", "word"})
_ONE_LINE = frozenset({"command", "variable_assignment", "file_redirect", "herestring_redirect"})
_CONTINUATION = re.compile(rb"\\\n")
_BETWEEN = re.compile(rb"(?:[ \t\n]|\\\n)*")
_BLANKS = re.compile(rb"(?:[ \t]|\\\n)*")
_DASH = re.compile(rb"[ \t]+-[ \t]+")
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_SPLIT = "split it into plain commands, one call each, or put text into a file first"


def check_text(line: str) -> None:
    """Refuse what does not show or is too long."""
    if len(line) > MAX_LINE_CHARACTERS:
        raise Unclear(f"a line of {len(line)} characters", "put the text into a file first")
    if hidden := hidden_in(line.replace("\n", " ")):
        raise Unclear(hidden, "write it with visible characters only")
    for found in re.finditer(r"\\\n", line):
        if line[found.start() - 1 : found.start()] not in (" ", "\t"):
            what = f"a continued line inside a word at character {found.start() + 1}"
            raise Unclear(what, "write the command in one line")


def check_tree(root: Node, source: bytes) -> None:
    """Refuse a tree that has errors or does not account for every sign of the line."""
    if root.has_error:
        raise unclear(next(_errors(root), root), source, "a part that is no complete command")
    end = 0
    for leaf in _leaves(root, source):
        gap = source[end : leaf.start_byte]
        if not _BETWEEN.fullmatch(gap) and not (leaf.type == "<<" and _DASH.fullmatch(gap)):
            raise unclear(leaf, source, "text that could be read in two ways", start=end)
        if leaf.type in _TOKENS and _CONTINUATION.search(source, leaf.start_byte, leaf.end_byte):
            raise unclear(leaf, source, "a continued line inside a word")
        end = max(end, leaf.end_byte)
    if not _BETWEEN.fullmatch(source[end:]):
        raise unclear(root, source, "text that could be read in two ways", start=end)


def _leaves(root: Node, source: bytes) -> Iterator[Node]:
    """The tokens from left to right, with a look at each node on the way."""
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH and node.type != "list":
            raise unclear(node, source, "a part nested too deeply")
        _check_node(node, source)
        if node.child_count == 0 or (node.type in _TOKENS and not _has_substitution(node)):
            yield node
        else:
            below = depth + (node.type != "list")
            stack += [(child, below) for child in reversed(node.children)]


def _has_substitution(node: Node) -> bool:
    return any(
        child.type in ("command_substitution", "simple_expansion") for child in node.children
    )


def _check_node(node: Node, source: bytes) -> None:
    if node.type in _ONE_LINE:
        for left, right in pairwise(node.children):
            if not _BLANKS.fullmatch(source, left.end_byte, right.start_byte):
                raise unclear(node, source, "text that could be read in two ways")
    if node.type == "variable_assignment":
        name = node.child_by_field_name("name")
        if name is None or not _NAME.fullmatch(source, name.start_byte, name.end_byte):
            raise unclear(node, source, "an odd assignment")
    if node.type == "file_redirect" and len(node.children_by_field_name("destination")) != 1:
        raise unclear(node, source, "a redirection without exactly one target")


def _errors(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "ERROR" or node.is_missing:
            yield node
        if node.has_error:
            stack += reversed(node.children)


def has_dash(document: Node, source: bytes) -> bool:
    """Whether a word "-" stands before it, which the grammar drops."""
    before = document.prev_sibling
    return before is not None and (
        _DASH.fullmatch(source, before.end_byte, document.start_byte) is not None
    )


def unclear(
    node: Node, source: bytes, what: str, instead: str = _SPLIT, *, start: int | None = None
) -> Unclear:
    """What is not understood, with its place and the text that stands there."""
    begin = node.start_byte if start is None else start
    before = source[:begin].decode(errors="replace")
    text = source[begin:].decode(errors="replace")
    near = text.lstrip().split("\n")[0][:24]
    at = len(before) + len(text) - len(text.lstrip()) + 1
    return Unclear(f'{what} at character {at}: "{near}"', instead)
