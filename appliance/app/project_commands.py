"""`dispatchctl project add|remove|list|apply`: which directories the agent may work in.

A project is a section of dispatch.toml. Where tasks are units of systemd, it is also a line of the
root-owned list that the launcher goes by, and a drop-in that shows the directory to the unit: all
three are written together, and `apply` writes the last two after a change of the file by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE
from appliance.errors import ConfigError
from appliance.host.machine import runs_systemd

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings

AGENT_USER = "dispatch-agent"
RESTART = "systemctl restart dispatchd"
RELOAD = ("systemctl", "daemon-reload")
COMMAND_SECONDS = 300


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `project …` into dispatchctl; the chosen function is in `arguments.run`."""
    group = commands.add_parser("project", help="the directories that the agent may work in")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    adder = actions.add_parser("add", help="let the agent work in a directory")
    remover = actions.add_parser("remove", help="no longer; the directory stays as it is")
    lister = actions.add_parser("list", help="the projects")
    applier = actions.add_parser("apply", help="tell systemd, after dispatch.toml was changed")
    adder.set_defaults(run=run_add)
    remover.set_defaults(run=run_remove)
    lister.set_defaults(run=run_list)
    applier.set_defaults(run=run_apply)
    for parser in (adder, remover):
        parser.add_argument("name", metavar="NAME", help="as people will call it in the chat")
    adder.add_argument("path", type=Path, metavar="PATH", help="an existing directory")
    adder.add_argument(
        "--grant",
        action="store_true",
        help=f"give {AGENT_USER} what it needs there, by access control lists",
    )
    for parser in (adder, remover, lister, applier):
        parser.add_argument("--json", action="store_true", help="answer as JSON")
        parser.add_argument(
            "--config",
            type=Path,
            default=DEFAULT_FILE,
            metavar="FILE",
            help=f"default: {DEFAULT_FILE}",
        )
        parser.add_argument(
            "--root",
            type=Path,
            metavar="DIR",
            help="of a system that does not run, such as an image: all paths are inside it",
        )


def run_add(arguments: argparse.Namespace) -> int:
    _enter(arguments.root)
    path = _given(arguments.path)
    settings, is_new = _with_project(arguments.config, arguments.name, path)
    changed = apply_here(settings, arguments.config, is_running=arguments.root is None) or is_new
    lacks = granted(settings, path, asked=False)
    todo = granted(settings, path, asked=arguments.grant) if lacks else []
    facts: dict[str, object] = {"project": arguments.name, "path": str(path), "changed": changed}
    return _answer(
        arguments,
        {**facts, "granted": bool(lacks) and not todo, "todo": todo + _restart(changed)},
        f"{arguments.name}: {path}" + ("" if changed else " (nothing to change)"),
    )


def run_remove(arguments: argparse.Namespace) -> int:
    _enter(arguments.root)
    settings, was_there = _without_project(arguments.config, arguments.name)
    changed = apply_here(settings, arguments.config, is_running=arguments.root is None) or was_there
    gone = "is no project any more" if was_there else "is no project"
    return _answer(
        arguments,
        {"project": arguments.name, "changed": changed, "todo": _restart(changed)},
        f"{arguments.name} {gone}",
    )


def run_apply(arguments: argparse.Namespace) -> int:
    from appliance.config import load

    _enter(arguments.root)
    settings = load(arguments.config)
    changed = apply_here(settings, arguments.config, is_running=arguments.root is None)
    return _answer(
        arguments,
        {"changed": changed, "todo": _restart(changed)},
        f"{len(settings.projects)} projects" + ("" if changed else ", nothing to change"),
    )


def run_list(arguments: argparse.Namespace) -> int:
    from appliance.config import load

    _enter(arguments.root)
    projects = load(arguments.config).projects.values()
    if arguments.json:
        print(
            json.dumps({"v": 1, "projects": [{"name": p.name, "path": p.path} for p in projects]})
        )
        return 0
    for project in projects:
        print(f"{project.name:<16} {project.path}")
    return 0


# --- the settings file


def _with_project(file: Path, name: str, path: Path) -> tuple[Settings, bool]:
    """The settings with the project, and whether it was added now."""
    from appliance.app.project_section import path_in, with_project
    from appliance.app.settings_file import replaced
    from appliance.config import NAME, load

    if NAME.fullmatch(name) is None:
        raise ConfigError(
            f'"{name}" is no name for a project: a small letter, then small letters, digits and -'
        )
    text = _text(file)
    known = path_in(str(file), text, name)
    if known is not None and Path(known) != path:
        raise ConfigError(
            f"project {name} is {known} already",
            hint=f"take another name, or first: dispatchctl project remove {name}",
        )
    if known is not None:
        return load(file), False
    return replaced(file, with_project(text, name, str(path))), True


def _without_project(file: Path, name: str) -> tuple[Settings, bool]:
    from appliance.app.project_section import path_in, without_project
    from appliance.app.settings_file import replaced
    from appliance.config import load

    text = _text(file)
    if path_in(str(file), text, name) is None:
        return load(file), False
    return replaced(file, without_project(str(file), text, name)), True


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the settings {file}: {getattr(error, 'strerror', error)}",
            hint="write them first: dispatchctl config example",
        ) from error


def _given(path: Path) -> Path:
    """The path as it will be used. Raises ConfigError when a link would lead elsewhere."""
    absolute = Path(os.path.normpath(Path.cwd() / path))
    if (real := absolute.resolve()) != absolute:
        raise ConfigError(
            f"{absolute} leads by a link to {real}", hint="name that directory itself"
        )
    return absolute


# --- the machine


def _enter(root: Path | None) -> None:
    """From now on all paths are inside `root`."""
    if root is None:
        return
    for needed in ("project_section", "project_units", "settings_file"):  # they are not inside
        import_module(f"appliance.app.{needed}")
    try:
        os.chroot(root)
        os.chdir("/")
    except OSError as error:
        raise ConfigError(
            f"cannot enter {root}: {error.strerror}", hint="run it as root"
        ) from error


def apply_here(settings: Settings, config: Path, *, is_running: bool) -> bool:
    """Tell systemd, where tasks are units of it; whether anything changed."""
    from appliance.app.project_units import Places, apply

    if not settings.daemon.task_socket:
        return False
    changed = apply(settings, Places.beside(config))
    if changed and is_running and runs_systemd():
        _run(RELOAD)
    return changed


def granted(settings: Settings, path: Path, *, asked: bool) -> list[str]:
    """What is still to be done for the agent to work there; done already when it is `asked`."""
    from appliance.app.project_units import grants, may_write

    if not settings.daemon.task_socket or may_write(AGENT_USER, path):
        return []
    commands = list(grants(AGENT_USER, path))
    if not asked:
        return [shlex.join(command) for command in commands]
    for command in commands:
        _run(command)
    return []


def _restart(changed: bool) -> list[str]:
    return [RESTART] if changed else []


def _run(command: Sequence[str]) -> None:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - words of ours and a checked path
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{command[0]} does not run: {error}") from error
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}")


def _answer(arguments: argparse.Namespace, facts: dict[str, object], line: str) -> int:
    if arguments.json:
        print(json.dumps({"v": 1, **facts}))
        return 0
    print(line)
    todo = facts["todo"]
    assert isinstance(todo, list)
    for command in todo:
        print(f"  to do: {command}")
    return 0
