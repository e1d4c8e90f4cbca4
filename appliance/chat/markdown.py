"""Text from an agent, in Markdown, to plain text with spans.

CommonMark with tables and strike-through; HTML stays the text it is. What an address is behind
a link's words is always written out, and the span is on the address: what one reads is where
one goes. One thing is ours: `__init__` stays what it is. Converters that produce a platform's
own mark-up were tried and lose text, so the syntax tree of markdown-it-py is walked here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

from appliance.chat.wellformed import well_formed
from appliance.core.model import Rich, Span, Style

MAX_RENDERED_CHARACTERS = 50_000
"""Above it a text is shown as it is: parsing takes time that everybody else waits for."""

INLINE_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}
RULE = "———"
PARAGRAPH = "\n\n"
LINE = "\n"


def render(text: str) -> Rich:
    """The text as it should look. Never fails: what cannot be rendered is shown as written."""
    text = well_formed(text)
    if len(text) > MAX_RENDERED_CHARACTERS:
        return Rich(text)
    try:
        page = _Page()
        page.blocks(_tree(text).children, PARAGRAPH)
        return page.rich()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Rich(text)


def _tree(text: str) -> Node:
    return Node(_parser().parse(text))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class _Page:
    """Writes a syntax tree down, from top to bottom."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0
        self._spans: list[Span] = []
        self._indent = ""
        self._is_quoted = False

    def rich(self) -> Rich:
        order = sorted(self._spans, key=lambda span: (span.start, -span.length))
        return Rich("".join(self._text), tuple(order))

    def blocks(self, nodes: Sequence[Node], gap: str) -> None:
        for index, node in enumerate(nodes):
            if index:
                self._write(gap + self._indent)
            self._block(node)

    def inline(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._inline(node)

    def _block(self, node: Node) -> None:
        match node.type:
            case "heading":
                with self._styled(Style.BOLD):
                    self.inline(node.children)
            case "fence" | "code_block":
                self._code_block(node)
            case "blockquote":
                self._quote(node)
            case "bullet_list" | "ordered_list":
                self._list(node)
            case "table":
                with self._styled(Style.PRE):
                    self._write(_aligned(node))
            case "hr":
                self._write(RULE)
            case _:
                self.inline(node.children)

    def _inline(self, node: Node) -> None:
        match node.type:
            case "inline":
                self.inline(node.children)
            case "softbreak" | "hardbreak":
                self._write(LINE + self._indent)
            case "code_inline":
                with self._styled(Style.CODE):
                    self._write(node.content)
            case "strong" if node.markup == "__":
                self._dunder(node)
            case "strong" | "em" | "s":
                with self._styled(INLINE_STYLES[node.type]):
                    self.inline(node.children)
            case "link":
                self._link(node, str(node.attrs["href"]))
            case "image":
                self._link(node, str(node.attrs["src"]))
            case _:
                self._write(node.content)

    def _dunder(self, node: Node) -> None:
        """`__init__` is bold to Markdown; where people talk about code it is a name."""
        self._write(node.markup)
        self.inline(node.children)
        self._write(node.markup)

    def _code_block(self, node: Node) -> None:
        language = node.info.split(maxsplit=1)[0] if node.info.strip() else ""
        with self._styled(Style.PRE, language):
            self._write(node.content.removesuffix("\n"))

    def _quote(self, node: Node) -> None:
        if self._is_quoted:  # platforms know one level
            return self.blocks(node.children, PARAGRAPH)
        self._is_quoted = True
        with self._styled(Style.QUOTE):
            self.blocks(node.children, PARAGRAPH)
        self._is_quoted = False
        return None

    def _list(self, node: Node) -> None:
        number = int(node.attrs.get("start", 1))
        gap = LINE if _is_tight(node) else PARAGRAPH
        for index, item in enumerate(node.children):
            if index:
                self._write(gap + self._indent)
            marker = "• " if node.type == "bullet_list" else f"{number + index}. "
            self._write(marker)
            with self._indented(len(marker)):
                self.blocks(item.children, gap)

    def _link(self, node: Node, address: str) -> None:
        start, first = self._length, len(self._text)
        self.inline(node.children)
        label = "".join(self._text[first:])
        if label == address:
            self._mark(Style.LINK, start, address)
        elif address:
            self._write(" (" if label else "(")
            start = self._length
            self._write(address)
            self._mark(Style.LINK, start, address)
            self._write(")")

    def _mark(self, style: Style, start: int, value: str) -> None:
        if style is Style.LINK and not _is_web_address(value):
            return
        if self._length > start:
            self._spans.append(Span(style, start, self._length - start, value))

    @contextmanager
    def _styled(self, style: Style, value: str = "") -> Iterator[None]:
        start = self._length
        yield
        self._mark(style, start, value)

    @contextmanager
    def _indented(self, width: int) -> Iterator[None]:
        before = self._indent
        self._indent = before + " " * width
        yield
        self._indent = before

    def _write(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)


def _is_tight(node: Node) -> bool:
    """Markdown's own word for a list without blank lines: its paragraphs are hidden."""
    return all(
        block.hidden for item in node.children for block in item.children if _is_paragraph(block)
    )


def _is_paragraph(node: Node) -> bool:
    return node.type == "paragraph"


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _aligned(table: Node) -> str:
    """A table in columns, for a font in which all characters are of one width."""
    rows = [row for part in table.children for row in part.children]
    cells = [[_plain(cell) for cell in row.children] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines = [
        " | ".join(_pad(*cell) for cell in zip(texts, widths, row.children, strict=True)).rstrip()
        for texts, row in zip(cells, rows, strict=True)
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def _plain(cell: Node) -> str:
    page = _Page()
    page.inline(cell.children)
    return page.rich().text


def _pad(text: str, width: int, cell: Node) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if "right" in str(cell.attrs.get("style", "")) else text + blanks


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
