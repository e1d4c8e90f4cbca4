"""The text of dispatch.toml: begun for a kind of installation, then extended at its end.

What stands there is the administrator's, so nothing is rewritten: a section is added or it is
there already. What comes of it is for `config.load` to judge before it replaces anything.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from appliance.app.config_commands import DEFAULT_FILE
from appliance.core import toml
from appliance.errors import ConfigError

SYSTEM_WIDE = """\
# Begun by dispatchctl setup. Every setting, with its meaning: dispatchctl config example
# Is it right? dispatchctl config check

[daemon]
task_socket = "/run/dispatch-task/socket"
egress_socket = "/run/dispatch-egress/socket"
minimum_isolation = "unit"

[audit]
socket = "/run/dispatch-audit/socket"
directory = "/var/lib/dispatch-audit"

[terminal]
"""
OF_ONE_USER = """\
# Begun by dispatchctl setup. Every setting, with its meaning: dispatchctl config example
# Is it right? dispatchctl config check {file}

[daemon]
state = {state}
policies = {policies}
credentials = {credentials}
{wall}
[terminal]
socket = {socket}
"""

ON_A_MAC = 'minimum_isolation = "seatbelt"\n'
"""The only wall there; what holds elsewhere would refuse every job."""

Value = str | bool | tuple[int, ...]


def beginning(file: Path, platform: str = sys.platform) -> str:
    """A new file: for the units of a system, or for one user with everything beside the file."""
    if file == DEFAULT_FILE:
        return SYSTEM_WIDE
    beside = file.parent
    return OF_ONE_USER.format(
        file=file,
        state=quoted(str(beside / "state")),
        policies=quoted(str(beside / "policies")),
        credentials=quoted(str(beside / "credentials")),
        socket=quoted(str(beside / "control.sock")),
        wall=ON_A_MAC if platform == "darwin" else "",
    )


def sections_of(file: Path, text: str) -> Mapping[str, object]:
    """What the text says. Raises ConfigError when it is no TOML."""
    mistakes: list[str] = []
    document = toml.parse(str(file), text, mistakes)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return document.values


def at(values: Mapping[str, object], path: tuple[str, ...]) -> Mapping[str, object] | None:
    """The table of a section, None when there is none."""
    here: object = values
    for key in path:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else None


def with_section(text: str, path: tuple[str, ...], values: Mapping[str, Value]) -> str:
    """The text with one more section; values that are empty or False are left out."""
    rows = (f"{key} = {_value(value)}\n" for key, value in values.items() if value)
    gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{toml.name(path)}\n{''.join(rows)}"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case _:
            return f"[{', '.join(map(str, value))}]"
