"""Write what completes the words of dispatchctl on Tab, for bash and zsh: build/completions.

The program's own parser is asked, so that nothing is forgotten. For bash shtab writes it. Its text
for zsh (1.13) offers the commands of `audit key` below `audit`, too, so that one is ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import shtab

from appliance.app import dispatchctl

PROGRAM = "dispatchctl"
BUILT = Path(__file__).resolve().parents[1] / "build" / "completions"
PLACES: Mapping[str, Path] = {
    "bash": Path("usr/share/bash-completion/completions", PROGRAM),
    "zsh": Path("usr/share/zsh/vendor-completions", f"_{PROGRAM}"),
}
"""Where Debian's shells look."""


def main(arguments: list[str]) -> int:
    install(Path(arguments[0]) if arguments else BUILT)
    return 0


def install(root: Path) -> None:
    for shell, place in PLACES.items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_WRITERS[shell](dispatchctl.build_parser()))


# --- bash


def _bash(parser: argparse.ArgumentParser) -> str:
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab wants to be told
    return f"{shtab.complete(parser, 'bash')}\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of every command."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


# --- zsh


def _zsh(parser: argparse.ArgumentParser) -> str:
    """One function for each command, that of a group calls those below it: see zshcompsys(1)."""
    name = _function(PROGRAM)
    functions = "\n\n".join(_functions(parser, PROGRAM))
    return f'#compdef {PROGRAM}\n\n{functions}\n\n{name} "$@"\n'


def _functions(parser: argparse.ArgumentParser, words: str) -> Iterator[str]:
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    groups = [action for action in shown if isinstance(action, argparse._SubParsersAction)]
    specs = [_spec(action) for action in shown if action not in groups]
    for group in groups:
        for name, below in group.choices.items():
            yield from _functions(below, f"{words} {name}")
        yield _group(group, words, specs)
    if not groups:
        yield f"{_function(words)}() {{\n  _arguments {_lines(specs)}\n}}"


_GROUP = """\
{function}() {{
  local state line
  local -a commands=({names})
  _arguments -C {specs}
  case $state in
    command) _describe command commands ;;
    arguments)
      case $line[1] in
        {cases}
      esac ;;
  esac
}}"""
_BELOW = ("'1: :->command'", "'*:: :->arguments'")


def _group(
    group: argparse._SubParsersAction[argparse.ArgumentParser], words: str, specs: list[str]
) -> str:
    told = {choice.dest: choice.help or "" for choice in group._choices_actions}
    return _GROUP.format(
        function=_function(words),
        names=_lines([_quoted(f"{name}:{told.get(name, '')}") for name in group.choices]),
        specs=_lines([*specs, *_BELOW]),
        cases="\n        ".join(f"{x}) {_function(f'{words} {x}')} ;;" for x in group.choices),
    )


def _spec(action: argparse.Action) -> str:
    """An argument as _arguments wants it, such as '*--who[whose]:NAME:_files'."""
    help_text = _escaped((action.help or "") % {"default": action.default, "prog": PROGRAM})
    if not action.option_strings:
        many = "*" if action.nargs in ("*", "+") else ""
        return _quoted(f"{many}:{help_text or action.dest}:{_values(action)}")
    before = "*" if isinstance(action, argparse._AppendAction) else _excluded(action)
    after = f"[{help_text}]{_wanted(action)}"
    return " ".join(_quoted(f"{before}{name}{after}") for name in action.option_strings)


def _excluded(action: argparse.Action) -> str:
    """What is not offered again once the option was given: all its names."""
    return f"({' '.join(action.option_strings)})"


def _wanted(action: argparse.Action) -> str:
    """What follows an option."""
    if action.nargs == 0:
        return ""
    several = action.metavar if isinstance(action.metavar, tuple) else (action.metavar,)
    return "".join(f":{_escaped(name or action.dest)}:{_values(action)}" for name in several)


def _values(action: argparse.Action) -> str:
    if action.choices is not None:
        return f"({' '.join(map(str, action.choices))})"
    return "_files" if action.type is Path else " "


def _function(words: str) -> str:
    return f"_{words.replace(' ', '_').replace('-', '_')}"


def _lines(words: list[str]) -> str:
    return " \\\n    ".join(words) if words[1:] else "".join(words)


def _escaped(text: str) -> str:
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_WRITERS: Mapping[str, Callable[[argparse.ArgumentParser], str]] = {"bash": _bash, "zsh": _zsh}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
