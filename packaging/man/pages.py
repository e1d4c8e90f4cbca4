r"""Write the man pages: templates beside this file → build/man, or the directory that is named.

A template is mdoc(7) written by hand: what is worth saying, examples, files, security. Lines of
these forms stand for what the programs know themselves, so that a page cannot fall behind:

    .\" @options dispatchctl audit log     usage and options, as the program's parser has them
    .\" @settings daemon                   the settings of one section of dispatch.toml
    .\" @command parameter                 those of a command, or of a parameter, in commands.toml
    .\" @statuses                          exit statuses and what they mean

`tests/packaging/test_man.py` refuses a command or a section that no template tells of.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any

from appliance import config, errors
from appliance.app import dispatch_audit, dispatch_egress, dispatchctl, dispatchd
from appliance.core.toml import rows_of
from appliance.policy.commands import CommandRow, ParameterRow
from appliance.task import launcher

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "man"

PARSERS: Mapping[str, Callable[[], argparse.ArgumentParser]] = {
    "dispatchctl": dispatchctl.build_parser,
    "dispatchd": dispatchd.build_parser,
    "dispatch-audit": dispatch_audit.build_parser,
    "dispatch-egress": dispatch_egress.build_parser,
    "dispatch-task": launcher.build_parser,
}

_SENTENCE_END = re.compile(r"(?<=[.?!]) +(?=\S)")
_MARK = re.compile(r"\.\\\" @(\w+) ?(.*)")


def main(arguments: list[str]) -> int:
    directory = Path(arguments[0]) if arguments else BUILT
    directory.mkdir(parents=True, exist_ok=True)
    for template in templates():
        (directory / template.name).write_text(page(template.read_text()))
        print(directory / template.name)
    return 0


def templates() -> list[Path]:
    return sorted(HERE.glob("*.[158]"))


def page(template: str) -> str:
    """The template with every mark replaced. Raises KeyError for what the programs do not have."""
    return "".join(f"{line}\n" for line in _lines(template))


def marks(template: str, kind: str) -> set[str]:
    """What the marks of a kind name, such as "dispatchctl audit log"."""
    found = (_MARK.fullmatch(line) for line in template.splitlines())
    return {mark[2] for mark in found if mark and mark[1] == kind}


def commands(program: str) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of a program that people call, by how they are called."""
    return dict(_leaves(PARSERS[program](), program))


def _lines(template: str) -> Iterator[str]:
    for line in template.splitlines():
        mark = _MARK.fullmatch(line)
        if mark is None:
            yield line
        else:
            yield from _SECTIONS[mark[1]](mark[2])


def _leaves(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for group in groups:
        for word, below in group.choices.items():
            yield from _leaves(below, f"{name} {word}")
    if not groups:
        yield name, parser


# --- options


def _options(command: str) -> Iterator[str]:
    """How a command is called, then what each argument means."""
    parser = commands(command.partition(" ")[0])[command]
    actions = [action for action in parser._actions if _is_worth_telling(action)]
    program, _, words = command.partition(" ")
    yield ".Bd -ragged -offset indent"
    yield f".Nm {program}"
    if words:
        yield f".Cm {words}"
    yield from (_usage(action) for action in actions)
    yield ".Ed"
    if actions:
        yield ".Bl -tag -width Ds"
        for action in actions:
            yield f".It {_named(action)}"
            yield _text(_help(action))
        yield ".El"


def _is_worth_telling(action: argparse.Action) -> bool:
    return action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)


def _usage(action: argparse.Action) -> str:
    words = _named(action, longest=True)
    repeated = " ..." if isinstance(action, argparse._AppendAction) or action.nargs == "+" else ""
    is_needed = action.required and action.nargs != "?"
    return f".{words}{repeated}" if is_needed else f".Op {words}{repeated}"


def _named(action: argparse.Action, *, longest: bool = False) -> str:
    """The words of an argument as mdoc: "Fl n Ar LIMIT , Fl -limit Ar LIMIT"."""
    value = _value(action)
    if not action.option_strings:
        return f"Ar {value}"
    names = action.option_strings[-1:] if longest else action.option_strings
    ending = f" Ar {value}" if value else ""
    return " , ".join(f"Fl {_escaped(name[1:])}{ending}" for name in names)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return _escaped(action.metavar or action.dest.upper())


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {"default": action.default, "prog": "the program"}
    return _sentence(text)


# --- settings and statuses


def _settings(section: str) -> Iterator[str]:
    yield from _rows({**config.SECTIONS, **config.NAMED_SECTIONS}[section])


def _command(part: str) -> Iterator[str]:
    yield from _rows({"command": CommandRow, "parameter": ParameterRow}[part])


def _rows(rows: type) -> Iterator[str]:
    yield ".Bl -tag -width Ds"
    for field in rows_of(rows):
        yield f".It Ic {field.name}"
        yield _text(f"{_sentence(field.metadata['summary'])} Takes {field.metadata['kind'].wants}.")
        yield _text(_default(field))
    yield ".El"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "…")) else ".")


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "It must be given."
    return f"Default: {_shown(field.default)}."


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value)) or ' '}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _statuses(_: str) -> Iterator[str]:
    yield ".Bl -tag -width Ds"
    for status in sorted({error.exit_status for error in _errors()}):
        yield f".It {status}"
        yield from (_text(_meaning(e)) for e in _errors() if e.exit_status == status)
    yield ".El"


def _errors() -> list[type[errors.ApplianceError]]:
    return errors.ApplianceError.__subclasses__()


def _meaning(error: type[errors.ApplianceError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]


_SECTIONS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "options": _options,
    "settings": _settings,
    "command": _command,
    "statuses": _statuses,
}


# --- mdoc


def _text(text: str) -> str:
    """Lines of text, one for each sentence, in which nothing is taken for a request."""
    escaped = text.replace("\\", r"\e").replace("…", "...").replace("→", r"\(->")
    lines = _SENTENCE_END.sub("\n", escaped).split("\n")
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)


def _escaped(word: str) -> str:
    return word.replace("\\", r"\e").replace("-", r"\-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
