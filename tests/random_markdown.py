"""Markdown as nobody writes it: for tests that want ten thousand documents, each told by a seed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from random import Random

from markdown_it import MarkdownIt

from appliance.chat.wellformed import well_formed
from appliance.core.discreet import without_secrets
from appliance.core.hidden import readable
from appliance.core.model import Rich

COUNT = int(os.environ.get("DISPATCH_FUZZ", "300"))  # noqa: TID251 (as FUZZ elsewhere)
MEGABYTE = 1_000_000

WORDS = (
    *("the", "a", "fix", "snake_case", "__init__", "vector<int>", "README.md", "src/app.py:12"),
    *("@alice", "/deploy", "/usr/bin", "#urgent", "$HOME", "$AAPL", "me@example.org", "*.py"),
    *("t.me/durov", "tg://resolve?domain=x", "https://t.me/x", "+49 30 901820", "192.168.0.1"),
    *("https://example.org/a_b?c=d", "http://localhost:8080", "https://a:b@evil.example", "1.5"),
    *("\U0001f600", "\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea", "\u6f22\u5b57", "&amp;"),
    *("\u0645\u0631\u062d\u0628\u0627", "\u05e9\u05dc\u05d5\u05dd", "\u202egpj.exe", "a\u200bb"),
    *("Z" + "\u0351\u0316" * 20, "\U000e0041\U000e0042", "\u00ad", "\ufeff", "\x00", "\ud800"),
    *("**", "__", "*", "_", "~~", "`", "``", "[", "](", ")", "![", "<b>", "|", "\\", ">", "- "),
)
CODE = (
    *("x = 1", "def f():", "    return '@bob'", "\tgo\t", "rm -rf /", "\U0001f600 = '\u6f22'", ""),
    *("a | b", "# no heading", "* no list", "[no](link)", "/help", "```".replace("`", "'"), "\\n"),
    *("\u05e9 = 2", "  ", "e\u0301\u0301\u0301\u0301\u0301\u0301", "\u202e", "$PATH:$HOME"),
)


@dataclass
class Document:
    """What stands in its blocks of code must arrive to the letter."""

    source: str = ""

    @property
    def code(self) -> list[str]:
        """By the parser that everybody uses: what stands in blocks, as far as it can be seen."""
        parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        tokens = parser.parse(readable(well_formed(self.source)))
        return [
            token.content.removesuffix("\n")
            for token in tokens
            if token.type in ("fence", "code_block") and token.content.strip()
        ]


def document(seed: int) -> Document:
    random = Random(seed)
    made = Document()
    if random.random() < 0.002:
        return _megabyte(random, made)
    blocks = [_block(random, made, 0) for _ in range(random.randint(1, 12))]
    made.source = random.choice(("\n\n", "\n\n", "\n\n", "\n")).join(blocks)
    return made


def _megabyte(random: Random, made: Document) -> Document:
    line = " ".join(random.choices(WORDS, k=12))
    made.source = (line + random.choice(("\n", "\n\n", " "))) * (MEGABYTE // (len(line) + 1))
    return made


def _block(random: Random, made: Document, depth: int) -> str:
    kinds = (_paragraph, _heading, _code, _table, _list, _quote, _tasks, _rule)
    if depth > 3:
        return _paragraph(random, made, depth)
    return random.choices(kinds, weights=(6, 2, 4, 3, 4, 2, 1, 1))[0](random, made, depth)


def _line(random: Random) -> str:
    words = random.choices(WORDS, k=random.randint(1, 14))
    return "".join(f"{_styled(random, word)} " for word in words).strip() or "x"


def _styled(random: Random, word: str) -> str:
    mark = random.choices(("", "**", "*", "`", "~~", "***", "[]"), weights=(9, 1, 1, 1, 1, 1, 1))[0]
    return f"[{word}](https://example.org/{len(word)})" if mark == "[]" else f"{mark}{word}{mark}"


def _paragraph(random: Random, _made: Document, _depth: int) -> str:
    return "\n".join(_line(random) for _ in range(random.randint(1, 4)))


def _heading(random: Random, _made: Document, _depth: int) -> str:
    return f"{'#' * random.randint(1, 6)} {_line(random)}"


def _code(random: Random, _made: Document, _depth: int) -> str:
    lines = random.choices(CODE, k=random.choice((1, 3, 8, 200 if random.random() < 0.05 else 12)))
    code = "\n".join(lines)
    return f"~~~~{random.choice(('', 'py', 'bash', 'c++ {.x}', chr(0x6F22)))}\n{code}\n~~~~"


def _table(random: Random, _made: Document, _depth: int) -> str:
    columns = random.randint(1, 5)

    def row() -> str:
        return "|" + "|".join(_line(random)[: random.choice((4, 60))] for _ in range(columns)) + "|"

    head = "|" + "|".join("a%d" % number for number in range(columns)) + "|"  # noqa: UP031
    marks = "|" + "|".join(random.choice(("-", ":-:", "-:")) for _ in range(columns)) + "|"
    return "\n".join((head, marks, *(row() for _ in range(random.randint(0, 5)))))


def _list(random: Random, made: Document, depth: int) -> str:
    marker = random.choice(("- ", "* ", "1. ", "7) "))
    items = [
        _indented(_block(random, made, depth + 1), marker) for _ in range(random.randint(1, 4))
    ]
    return random.choice(("\n", "\n\n")).join(items)


def _indented(block: str, marker: str) -> str:
    return marker + block.replace("\n", "\n" + " " * len(marker))


def _quote(random: Random, made: Document, depth: int) -> str:
    return "> " + _block(random, made, depth + 1).replace("\n", "\n> ")


def _tasks(random: Random, _made: Document, _depth: int) -> str:
    return "\n".join(f"- [{random.choice(' xX')}] {_line(random)}" for _ in range(3))


def _rule(_random: Random, _made: Document, _depth: int) -> str:
    return "---"


def discreet_code(code: str) -> str:
    """What of it may be shown: an address among the pieces has a password in it."""
    return without_secrets(Rich(code)).text
