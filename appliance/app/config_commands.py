"""`dispatchctl config check|show|example`: is the settings file right, and what is in force?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings

DEFAULT_FILE = Path("/etc/dispatch/dispatch.toml")
OFF = ("metrics",)
"""Sections that the example only shows: each opens a door that nobody needs to begin with."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `config …` into dispatchctl; the chosen function is in `arguments.run`."""
    config = commands.add_parser("config", help="check, show or begin the settings file")
    actions = config.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say everything that is wrong with the settings")
    show = actions.add_parser("show", help="the settings in force, defaults included, no secrets")
    example = actions.add_parser("example", help="a settings file with every setting explained")
    check.set_defaults(run=run_check)
    show.set_defaults(run=run_show)
    example.set_defaults(run=run_example)
    for parser in (check, show):
        _add_file(parser)
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def _add_file(parser: argparse.ArgumentParser) -> None:
    """Where the settings are."""
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT_FILE, help=f"default: {DEFAULT_FILE}"
    )


def run_check(arguments: argparse.Namespace) -> int:
    """Status 0 when the file can be used; a ConfigError is left to dispatchctl, or is JSON."""
    from appliance.config import load
    from appliance.errors import ConfigError

    try:
        settings = load(arguments.file)
    except ConfigError as error:
        if not arguments.json:
            raise
        print(json.dumps({"ok": False, "mistakes": error.message.splitlines()}))
        return error.exit_status
    if arguments.json:
        print(json.dumps({"ok": True, "mistakes": []}))
    else:
        print(f"{arguments.file}: ok, {_summary(settings)}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    from appliance.config import load

    settings = load(arguments.file)
    if arguments.json:
        print(json.dumps(_tables(settings), default=str))
    else:
        print(as_toml(settings), end="")
    return 0


def run_example(_: argparse.Namespace) -> int:
    print(example(), end="")
    return 0


def _summary(settings: Settings) -> str:
    return f"{len(settings.users)} users, {len(settings.projects)} projects, chats: " + ", ".join(
        chat for chat in ("telegram", "web", "terminal") if getattr(settings, chat)
    )


# --- settings as text


def example() -> str:
    """A settings file with every setting, its default and its help, written from the rows."""
    from appliance.config import SECTIONS, ProjectRow, User

    parts = [
        "# Settings of dispatch-appliance. What is commented out has the value shown.",
        "# Check with: dispatchctl config check",
    ]
    for section, cls in SECTIONS.items():
        rows = (_example_row(f, "# ") for f in _rows(cls))
        mark = "# " if section in OFF else ""
        parts.append("\n".join([f"\n# {_first_line(cls)}", f"{mark}[{section}]", *rows]))
    values = {"telegram": (4711,), "web": True, "unix": (1000,), "automation": False}
    values |= {"language": "en", "zone": "Europe/Berlin"}
    rows = (_example_row(f, "", values[f.name]) for f in _rows(User))
    parts.append("\n".join([f"\n# {_first_line(User)}", "[users.me]", *rows]))
    parts.append(
        "\n# A directory the agent may work in. Nothing else of this machine is a project."
    )
    rows = (_example_row(f, "# ") for f in _rows(ProjectRow) if f.name != "path")
    parts.append("\n".join(['[projects.demo]\npath = "/srv/demo"', *rows]))
    parts.append(
        "\n# Another machine that /wake nas wakes. There need not be any."
        '\n[hosts.nas]\nmac = "02:00:00:00:00:01"'
    )
    return "\n".join(parts) + "\n"


def _rows(cls: type) -> Iterator[Field[Any]]:
    from appliance.core.toml import rows_of

    return rows_of(cls)


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").splitlines()[0]


def _example_row(f: Field[Any], mark: str, value: object = None) -> str:
    shown = f.default if value is None else value
    return f"# {f.metadata['summary']}\n{mark}{f.name} = {_value(shown)}"


def as_toml(settings: Settings) -> str:
    """The settings in force as a file that loads. Credentials are named, never shown."""
    from appliance.core.toml import name

    parts = [f"# {settings.file}"]
    for path, values in _flat(_tables(settings)):
        rows = (f"{key} = {_value(value)}" for key, value in values.items())
        parts.append("\n".join([name(path), *rows]))
    return "\n\n".join(parts) + "\n"


def _tables(settings: Settings) -> dict[str, Any]:
    """Sections, and in those with names one table for each."""
    from appliance.config import SECTIONS, ProjectRow

    sections = {name: getattr(settings, name) for name in SECTIONS}
    return {
        **{name: asdict(values) for name, values in sections.items() if values is not None},
        "users": {name: asdict(user) for name, user in settings.users.items()},
        "projects": {name: asdict(ProjectRow.of(p)) for name, p in settings.projects.items()},
        "hosts": {
            name: {"mac": host.mac, "broadcast": host.broadcast}
            for name, host in settings.hosts.items()
        },
    }


def _flat(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    from appliance.config import NAMED_SECTIONS

    for section, values in tables.items():
        if section in NAMED_SECTIONS:
            yield from (((section, name), table) for name, table in values.items())
        else:
            yield (section,), values


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, Iterable):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)
