"""An agent's tool call to the atoms it asks for.

A tool we know has a shape: the fields it must have and may have. A field we do not know could
change what the tool does, so such a call, like a tool we do not know, can at best be asked
about. Never raises: what cannot be read becomes an unclear atom.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType

from appliance.core.model import (
    ASK_PEOPLE,
    CONNECT,
    END_PLANNING,
    PLAN_FILE,
    Act,
    Json,
    ToolRequest,
)
from appliance.policy import bash, hosts, paths
from appliance.policy.atoms import Atom, Care, Unclear, unclear
from appliance.policy.paths import Place
from appliance.policy.patterns import PATH_ACTS

MAX_SHOWN_CHARACTERS = 10_000

Input = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a tool's input, and how it becomes atoms once they have been checked."""

    act: Act
    atoms: Callable[[Input, Place], list[Atom]]
    required: Mapping[str, type]
    optional: Mapping[str, type]


def atoms_of(request: ToolRequest, place: Place) -> list[Atom]:
    """What the call asks for; at least one atom."""
    if request.tool.startswith("mcp__"):
        return [_mcp(request.tool)]
    shape = _SHAPES.get(request.tool)
    if shape is None:
        why = Unclear(f'the tool "{_shown(request.tool)}" is not known here', "use another tool")
        return [unclear(Act.TOOL, _shown(request.tool), why)]
    try:
        _check_fields(request, shape)
        return shape.atoms(request.input, place)
    except Unclear as why:
        return [_not_understood(request, shape, why)]


def act_of(tool: str) -> Act:
    """What kind of act the tool's calls are."""
    if tool.startswith("mcp__"):
        return Act.MCP
    shape = _SHAPES.get(tool)
    return shape.act if shape is not None else Act.TOOL


def _check_fields(request: ToolRequest, shape: Shape) -> None:
    known = {**shape.required, **shape.optional}
    for name, kind in shape.required.items():
        if not isinstance(request.input.get(name), kind):
            raise Unclear(f'{request.tool} without a proper "{name}"', f'give "{name}" as text')
    for name, value in request.input.items():
        if name not in known:
            raise Unclear(f'{request.tool} with the unknown field "{_shown(name)}"', "leave it out")
        if not isinstance(value, (known[name], NoneType)) or _is_odd_number(value, known[name]):
            raise Unclear(f'{request.tool} with an odd "{name}"', "leave it out")


def _is_odd_number(value: Json, kind: type) -> bool:
    return isinstance(value, bool) and kind is not bool


def _not_understood(request: ToolRequest, shape: Shape, why: Unclear) -> Atom:
    """Known by its main field. For files that is no path, so that no rule for paths speaks."""
    main = request.input.get(next(iter(shape.required), ""))
    text = _shown(main) if isinstance(main, str) else request.tool
    atom = unclear(shape.act, text, why)
    return replace(atom, object=request.tool) if shape.act in PATH_ACTS else atom


def _shown(text: str) -> str:
    return text[:MAX_SHOWN_CHARACTERS]


# --- shell


def _bash(call: Input, place: Place) -> list[Atom]:
    return bash.atoms(str(call["command"]), place)


def as_run(tool: str, call: Input) -> Input:
    """The input that may be run in place of the agent's own: for a shell line, our own words.

    It means what was meant, and what it means is what `atoms_of` judges. A line that is not
    understood stays as it is: it will at best be asked about, and shown as it is.
    """
    line = call.get("command")
    if tool != "Bash" or not isinstance(line, str):
        return call
    return {**call, "command": bash.as_run(line)}


# --- files


def _file(act: Act, field: str) -> Callable[[Input, Place], list[Atom]]:
    return lambda call, place: place.files(act, str(call[field]))


def _directory(call: Input, place: Place) -> list[Atom]:
    return [place.file(Act.READ, str(call.get("path") or place.cwd))]


def _glob(call: Input, place: Place) -> list[Atom]:
    return _search(call, str(call["pattern"]), place)


def _grep(call: Input, place: Place) -> list[Atom]:
    return _search(call, str(call.get("glob") or ""), place)


def _search(call: Input, pattern: str, place: Place) -> list[Atom]:
    """The directory that is searched, and the protected names that a pattern asks for."""
    if re.search(r"[\\()]|\{[^{}]*\.\.[^{}]*\}", pattern):
        raise Unclear(
            f'the pattern "{_shown(pattern)}", which matches more than it shows',
            "use only *, ** and {a,b} in patterns",
        )
    base = paths.resolved(str(call.get("path") or "."), place.cwd)
    parts = pattern.split("/")
    literal = next((i for i, part in enumerate(parts) if set(part) & set("*?[{")), len(parts))
    if ".." in parts[literal:]:
        raise Unclear('a pattern with ".." behind a wildcard', "search below one directory")
    start = "/".join(parts[:literal]) or ("/" if pattern.startswith("/") else ".")
    atom = place.file(Act.READ, start, base)
    # a glob of Grep may hold several patterns
    parts = [*parts[literal:], *re.split(r"[\s,]+", pattern)]
    wanted = [name for part in parts for name in _alternatives(part)]
    if any(paths.asks_for_protected(Act.READ, name) for name in wanted):
        note = f'the pattern "{pattern}" asks for protected files'
        return [replace(atom, care=Care.PROTECTED, note=note, instead="search for other files")]
    return [atom]


def _alternatives(part: str) -> Iterator[str]:
    """ "*.{pem,key}" → "*.pem", "*.key"; nested braces are cut apart, which finds more."""
    found = re.search(r"\{([^{}]*)\}", part)
    if not found:
        yield part
        return
    for word in found[1].split(","):
        yield from _alternatives(part[: found.start()] + word + part[found.end() :])


# --- web, agents, others


def _fetch(call: Input, _: Place) -> list[Atom]:
    return [hosts.atom(str(call["url"]))]


def _connect(call: Input, _: Place) -> list[Atom]:
    return [hosts.connection(str(call["host"]), int(str(call["port"])))]


def _web_search(_: Input, __: Place) -> list[Atom]:
    return [Atom(Act.WEB, "search", "web search")]


def _agent(call: Input, _: Place) -> list[Atom]:
    kind = str(call.get("subagent_type") or "general-purpose")
    if not re.fullmatch(r"[A-Za-z0-9_:.-]{1,100}", kind):
        raise Unclear("a sub-agent with an odd type", "use a plain type")
    return [Atom(Act.AGENT, kind, f"sub-agent {kind}")]


def _mcp(tool: str) -> Atom:
    """mcp__SERVER__TOOL. With more than one "__" the server could be either part: unclear."""
    parts = tool.removeprefix("mcp__").split("__")
    if len(parts) == 2 and all(re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", part) for part in parts):
        name = "/".join(parts)
        return Atom(Act.MCP, name, name)
    why = Unclear(f'the tool name "{_shown(tool)}" has no clear server', "use another tool")
    return unclear(Act.MCP, _shown(tool), why)


def _named(name: str) -> Callable[[Input, Place], list[Atom]]:
    return lambda _, __: [Atom(Act.TOOL, name, name)]


_FLAG, _TEXT, _LIST = bool, str, list
_NUMBER: type = int

_SEARCH_OPTIONS: Mapping[str, type] = {
    "path": _TEXT, "glob": _TEXT, "output_mode": _TEXT, "-A": _NUMBER, "-B": _NUMBER,
    "-C": _NUMBER, "context": _NUMBER, "-n": _FLAG, "-i": _FLAG, "-o": _FLAG, "type": _TEXT,
    "head_limit": _NUMBER, "offset": _NUMBER, "multiline": _FLAG,
}  # fmt: skip

_SHAPES: Mapping[str, Shape] = {
    # "dangerouslyDisableSandbox" is left out on purpose: it can only be asked about
    "Bash": Shape(
        Act.BASH,
        _bash,
        {"command": _TEXT},
        {"description": _TEXT, "timeout": _NUMBER, "run_in_background": _FLAG},
    ),
    "Read": Shape(
        Act.READ,
        _file(Act.READ, "file_path"),
        {"file_path": _TEXT},
        {"offset": _NUMBER, "limit": _NUMBER, "pages": _TEXT, "allow_large": _FLAG},
    ),
    "NotebookRead": Shape(
        Act.READ,
        _file(Act.READ, "notebook_path"),
        {"notebook_path": _TEXT},
        {"cell_id": _TEXT},
    ),
    "Edit": Shape(
        Act.WRITE,
        _file(Act.WRITE, "file_path"),
        {"file_path": _TEXT, "old_string": _TEXT, "new_string": _TEXT},
        {"replace_all": _FLAG},
    ),
    "MultiEdit": Shape(
        Act.WRITE, _file(Act.WRITE, "file_path"), {"file_path": _TEXT, "edits": _LIST}, {}
    ),
    "Write": Shape(
        Act.WRITE, _file(Act.WRITE, "file_path"), {"file_path": _TEXT, "content": _TEXT}, {}
    ),
    "NotebookEdit": Shape(
        Act.WRITE,
        _file(Act.WRITE, "notebook_path"),
        {"notebook_path": _TEXT, "new_source": _TEXT},
        {"cell_id": _TEXT, "cell_type": _TEXT, "edit_mode": _TEXT},
    ),
    "LS": Shape(Act.READ, _directory, {}, {"path": _TEXT, "ignore": _LIST}),
    "Glob": Shape(Act.READ, _glob, {"pattern": _TEXT}, {"path": _TEXT}),
    "Grep": Shape(Act.READ, _grep, {"pattern": _TEXT}, _SEARCH_OPTIONS),
    "WebFetch": Shape(Act.WEB, _fetch, {"url": _TEXT}, {"prompt": _TEXT, "offset": _NUMBER}),
    "WebSearch": Shape(
        Act.WEB,
        _web_search,
        {"query": _TEXT},
        {"allowed_domains": _LIST, "blocked_domains": _LIST},
    ),
    # "mode" and "isolation" are left out on purpose: they move the sub-agent out of our limits
    **dict.fromkeys(
        ("Agent", "Task"),
        Shape(
            Act.AGENT,
            _agent,
            {"prompt": _TEXT},
            {
                "description": _TEXT,
                "subagent_type": _TEXT,
                "model": _TEXT,
                "effort": _TEXT,
                "name": _TEXT,
                "resume": _TEXT,
                "run_in_background": _FLAG,
                "max_turns": _NUMBER,
            },
        ),
    ),
    CONNECT: Shape(Act.NET, _connect, {"host": _TEXT, "port": _NUMBER}, {}),
    # "answers" is left out on purpose: those are what people say, and not the agent
    ASK_PEOPLE: Shape(Act.TOOL, _named(ASK_PEOPLE), {"questions": _LIST}, {"metadata": dict}),
    END_PLANNING: Shape(
        Act.TOOL,
        _named(END_PLANNING),
        {"plan": _TEXT},
        {"planFilePath": _TEXT, "allowedPrompts": _LIST},
    ),
    # which file it is has been seen to; an edit of it is no edit of the project
    PLAN_FILE: Shape(
        Act.TOOL,
        _named(PLAN_FILE),
        {"file_path": _TEXT},
        {
            **dict.fromkeys(("content", "old_string", "new_string", "pages"), _TEXT),
            **dict.fromkeys(("offset", "limit"), _NUMBER),
            **dict.fromkeys(("replace_all", "allow_large"), _FLAG),
        },
    ),
    "TodoWrite": Shape(Act.TOOL, _named("TodoWrite"), {"todos": _LIST}, {}),
    "TaskOutput": Shape(
        Act.TOOL,
        _named("TaskOutput"),
        {"task_id": _TEXT},
        {"block": _FLAG, "timeout": _NUMBER},
    ),
    "TaskStop": Shape(Act.TOOL, _named("TaskStop"), {}, {"task_id": _TEXT, "shell_id": _TEXT}),
    "TaskCreate": Shape(
        Act.TOOL,
        _named("TaskCreate"),
        {"subject": _TEXT, "description": _TEXT},
        {"activeForm": _TEXT, "metadata": dict},
    ),
    "TaskUpdate": Shape(
        Act.TOOL,
        _named("TaskUpdate"),
        {"taskId": _TEXT},
        {
            **dict.fromkeys(("subject", "description", "activeForm", "status", "owner"), _TEXT),
            **dict.fromkeys(("addBlocks", "addBlockedBy"), _LIST),
            "metadata": dict,
        },
    ),
    "TaskGet": Shape(Act.TOOL, _named("TaskGet"), {"taskId": _TEXT}, {}),
    "TaskList": Shape(Act.TOOL, _named("TaskList"), {}, {}),
}

TOOLS: Mapping[str, Act] = {name: shape.act for name, shape in _SHAPES.items()}
"""The tools we know, and the act by which each is judged."""


def call_of(tool: str, text: str) -> dict[str, Json]:
    """The input that people mean by a tool and one text: its first field, the others empty."""
    if tool == CONNECT:
        host, _, port = text.rpartition(":")
        return {"host": host, "port": int(port) if re.fullmatch("[0-9]{1,5}", port) else 0}
    shape = _SHAPES.get(tool)
    required = shape.required if shape else {}
    empty: dict[str, Json] = {name: kind() for name, kind in required.items()}
    main = next(iter(empty), "")
    return {**empty, main: text} if empty.get(main) == "" else empty
