"""Lines for a terminal of any width: words stay whole."""

from __future__ import annotations

import shutil
import sys
import textwrap


def fitted(text: str) -> str:
    """The text in lines as wide as the terminal; as it is where nobody looks at one."""
    if not sys.stdout.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
