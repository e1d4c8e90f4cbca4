"""Text from an agent, in Markdown, to plain text with spans.

CommonMark with tables, task lists and strike-through; HTML stays the text it is. What an address
is behind a link's words is always written out, and the span is on the address: what one reads is
where one goes. Words that a platform would make something of are code (`core.inert`), characters
that hide something are written out. One thing is ours: `__init__` stays what it is. Converters
that produce a platform's own mark-up were tried and lose text, so the syntax tree of
markdown-it-py is walked here.

A table stands in columns where a phone has room for them. Else each row is a list of "column:
value": it keeps its words, can be searched and copied, and needs no scrolling to the side, unlike
a picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

from appliance.chat.wellformed import well_formed
from appliance.core.discreet import without_secrets
from appliance.core.hidden import readable
from appliance.core.inert import leads_openly, still
from appliance.core.model import Rich, Span, Style

MAX_RENDERED_CHARACTERS = 50_000
"""Above it a text is shown as it is: parsing takes time that everybody else waits for."""

INLINE_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}
PHONE_COLUMNS = 40
"""What fits beside each other in a font of one width, on a phone held upright."""
CHECKBOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
RULE = "———"
PARAGRAPH = "\n\n"
LINE = "\n"


def render(text: str) -> Rich:
    """The text as it should look. Never fails: what cannot be rendered is shown as written."""
    text = readable(well_formed(text))
    if len(text) > MAX_RENDERED_CHARACTERS:
        return still(Rich(text))
    try:
        page = _Page()
        page.blocks(_tree(text).children, PARAGRAPH)
        return still(without_secrets(page.rich()))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return still(Rich(text))


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
        self._styles = set[Style]()

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
                self._table(node)
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
        language = re.match(r"[A-Za-z0-9+#._-]{0,32}", node.info.strip())
        with self._styled(Style.PRE, language[0] if language else ""):
            self._write(node.content.removesuffix("\n"))

    def _quote(self, node: Node) -> None:
        with self._styled(Style.QUOTE):
            self.blocks(node.children, PARAGRAPH)

    def _list(self, node: Node) -> None:
        number = int(node.attrs.get("start", 1))
        gap = LINE if _is_tight(node) else PARAGRAPH
        for index, item in enumerate(node.children):
            if index:
                self._write(gap + self._indent)
            marker = "• " if node.type == "bullet_list" else f"{number + index}. "
            marker = _checkbox(item) or marker
            self._write(marker)
            with self._indented(len(marker)):
                self.blocks(item.children, gap)

    def _table(self, node: Node) -> None:
        rows = _rows(node)
        if columns := _aligned(rows):
            with self._styled(Style.PRE):
                self._write(columns)
            return
        head, *body = rows
        names = [_plain(cell) for cell in head.children]
        if not body:
            self._write(" · ".join(names))
        for index, row in enumerate(body):
            if index:
                self._write(PARAGRAPH + self._indent)
            self._row(names, row)

    def _row(self, names: Sequence[str], row: Node) -> None:
        """The first cell is what the row is about, the others say what of it."""
        first, *others = row.children
        self._write(f"{names[0]}: " if names[0].strip() else "")
        with self._styled(Style.BOLD):
            self.inline(first.children)
        for name, cell in zip(names[1:], others, strict=True):
            if cell.children and _plain(cell).strip():
                self._write(LINE + self._indent + (f"{name}: " if name.strip() else ""))
                self.inline(cell.children)

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
        if style is Style.LINK and not leads_openly(value):
            return
        if self._length > start:
            self._spans.append(Span(style, start, self._length - start, value))

    @contextmanager
    def _styled(self, style: Style, value: str = "") -> Iterator[None]:
        if style in self._styles:  # bold in a heading is no bolder
            yield
            return
        self._styles.add(style)
        start = self._length
        yield
        self._styles.remove(style)
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


def _checkbox(item: Node) -> str:
    """The box of an item of a task list, taken off its text; "" for any other item."""
    first = next((node for node in item.walk() if node.type == "text"), None)
    if first is None or first.token is None or item.children[0].type != "paragraph":
        return ""
    box = CHECKBOXES.get(first.content[:4], "")
    if box:
        first.token.content = first.content[4:]
    return box


def _rows(table: Node) -> list[Node]:
    return [row for part in table.children for row in part.children]


def _aligned(rows: Sequence[Node]) -> str:
    """A table in columns, for a font in which all characters are of one width; "" if too wide."""
    cells = [[_plain(cell) for cell in row.children] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    if sum(widths) + len(" | ") * (len(widths) - 1) > PHONE_COLUMNS:
        return ""
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
