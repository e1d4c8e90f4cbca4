"""A tool call of an agent in one line, and in full."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.hidden import shown
from appliance.core.model import END_PLANNING, PLAN_FILE, Json, ToolCall

UNDERSTOOD = frozenset(
    {"Bash", "Edit", "MultiEdit", "Write", "NotebookEdit", PLAN_FILE, END_PLANNING}
)
"""Tools of which we know what their fields mean."""


def doing(call: ToolCall) -> str:
    """ "Bash: git status" on one line; files are named as seen from where it works."""
    what = call_summary(call)
    if "command" not in call.input:
        what = what.removeprefix(f"{call.cwd}/")
    return in_one_line(f"{call.tool}: {what}", 120)


def in_one_line(text: str, limit: int) -> str:
    """Code in which the end of a line can be seen: there it ends a command, as `;` does."""
    return shown(text.strip().replace("\n", " ⏎ "), limit)


def call_summary(call: ToolCall) -> str:
    """The one value of a tool's input that says what it does; all of it for unknown tools."""
    return input_summary(call.input)


def input_summary(values: Mapping[str, Json]) -> str:
    """The same for an input without its call."""
    for key in ("command", "file_path", "notebook_path", "url", "query", "pattern", "prompt"):
        value = values.get(key)
        if isinstance(value, str):
            return value
    if values.keys() == {"host", "port"}:
        return f"{values['host']}:{values['port']}"
    return ", ".join(f"{key}={value}" for key, value in values.items())


def call_in_full(call: ToolCall) -> str:
    """What a held call would do, for the question: the command, or the file and its change."""
    if call.tool not in UNDERSTOOD:  # a field that means something elsewhere may not, here
        return _all_of(call)
    match call.input:
        case {"command": str(command), **_rest}:
            return command
        case {"plan": str(plan), **_rest}:
            return plan
        case {"file_path": str(path), "old_string": str(old), "new_string": str(new), **rest}:
            every = " (every place)" if rest.get("replace_all") else ""
            return "\n".join((f"{call.tool} {path}{every}", _lines(old, "-"), _lines(new, "+")))
        case {"file_path": str(path), "edits": list(edits), **_rest}:
            return "\n".join((f"{call.tool} {path}", *map(_edit, edits)))
        case {"file_path": str(path), "content": str(content), **_rest}:
            return f"{call.tool} {path}\n{_lines(content, '+')}"
        case {"notebook_path": str(path), "new_source": str(source), **rest}:
            cell = rest.get("cell_id") or rest.get("cell_number") or "new"
            title = f"{call.tool} {path} ({rest.get('edit_mode') or 'replace'} cell {cell})"
            return f"{title}\n{_lines(source, '+')}"
        case _:
            return _all_of(call)


def _all_of(call: ToolCall) -> str:
    lines = (f"{key}: {value}" for key, value in call.input.items())
    return "\n".join((call.tool, *lines))


def _edit(edit: Json) -> str:
    match edit:
        case {"old_string": str(old), "new_string": str(new), **rest}:
            every = "@@ every place" if rest.get("replace_all") else "@@"
            return "\n".join((every, _lines(old, "-"), _lines(new, "+")))
        case _:
            return f"@@ {edit}"


def _lines(text: str, sign: str) -> str:
    return "\n".join(f"{sign} {line}" for line in text.split("\n"))
