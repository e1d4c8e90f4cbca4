"""commands.toml to recipes: what `/test` or `/git log` runs, without AI and without a shell.

One table is one command. Its argv is written by the administrator word for word; a value from
chat can only stand in for a whole word, and has been checked by its kind before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from appliance.core import toml
from appliance.core.commands import BUILTINS
from appliance.core.model import Parameter, ParameterKind, Recipe, Rule
from appliance.core.recipes import accepts, expectation, is_placeholder
from appliance.core.toml import Document, anything, choice, flag, many, row, text, whole
from appliance.policy.sources import Source

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}( [a-z][a-z0-9-]{0,31}){0,2}")
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TAKEN = frozenset({builtin.word for builtin in BUILTINS} | {"start"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    summary: str = row(
        text(r"[^\x00-\x1f\x7f]{1,100}", "a line of at most 100 characters"), "what /help says"
    )
    argv: tuple[str, ...] = row(many(text()), "the program and its arguments")
    parameters: object = row(anything(), "values from chat, in this order", default=None)
    directory: str = row(text(), "where it runs, relative to the project", default=".")
    timeout_seconds: int = row(whole(1, 86_400), "time before it is stopped", default=600)
    approval: bool = row(flag(), "whether a person has to approve each call", default=False)
    tail_lines: int = row(whole(1, 5_000), "lines of output that are shown", default=200)
    ok_statuses: tuple[int, ...] = row(
        many(whole(0, 255)), "exit statuses that mean success", default=(0,)
    )
    parallel: bool = row(
        flag(), "it only reads: may run beside the one writer of its project", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    kind: str = row(choice(kind.value for kind in ParameterKind), "what it accepts")
    choices: tuple[str, ...] = row(many(text()), "for kind choice: the words", default=())
    default: str | None = row(text(), "makes it optional", default=None)
    maximum: int | None = row(whole(1, 999_999_999), "for kind integer: the largest", default=None)


def recipes(source: Source, mistakes: list[str]) -> tuple[Recipe, ...]:
    """The recipes of the file; every mistake is noted with its place."""
    document = toml.parse(source.name, source.text, mistakes)
    return tuple(
        _recipe(name, value, document, mistakes) for name, value in document.values.items()
    )


def _recipe(name: str, value: object, document: Document, mistakes: list[str]) -> Recipe:
    before = len(mistakes)
    found = toml.read(CommandRow, document, (name,), value, mistakes)
    parameters = tuple(_parameters(name, found.parameters, document, mistakes))
    if len(mistakes) == before:
        wrong = [
            *_wrong_name(name),
            *_wrong_argv(found.argv, parameters),
            *_wrong_order(parameters),
            *_wrong_directory(found.directory),
        ]
        mistakes += [
            f"{document.at((name, *key))}: {toml.name((name,))}: {what}" for key, what in wrong
        ]
    return Recipe(
        words=tuple(name.split()),
        summary=found.summary,
        argv=found.argv,
        parameters=parameters,
        directory=found.directory,
        timeout_seconds=found.timeout_seconds,
        approval=found.approval,
        tail_lines=found.tail_lines,
        ok_statuses=found.ok_statuses,
        parallel=found.parallel,
        source=Rule(document.file, document.place((name,)).line, toml.name((name,))),
    )


_Wrong = tuple[toml.Path, str]
"""At which key of a command something is wrong, and what."""


def _wrong_name(name: str) -> Iterator[_Wrong]:
    if not _NAME.fullmatch(name):
        yield (), "a command is one to three words of small letters, digits and -"
    elif name.split()[0] in _TAKEN:
        yield (), f"/{name.split()[0]} is a command of ours; choose another word"


def _wrong_argv(argv: Sequence[str], parameters: Sequence[Parameter]) -> Iterator[_Wrong]:
    if not argv or not argv[0] or is_placeholder(argv[0]):
        yield ("argv", 0), "argv begins with a program, and no value from chat can be one"
    known = {parameter.name for parameter in parameters}
    used = {word[1:-1] for word in argv if is_placeholder(word)}
    for index, word in enumerate(argv):
        if not is_placeholder(word):
            if re.search(r"\{[a-z][a-z0-9_]*\}", word):
                what = f'a placeholder is a whole argument; split "{word}" into two'
                yield ("argv", index), what
        elif word[1:-1] not in known:
            yield ("argv", index), f'argv has "{word}", but there is no parameter of that name'
    for name in sorted(known - used):
        yield ("parameters", name), f'the parameter "{name}" is not used in argv'


def _wrong_order(parameters: Sequence[Parameter]) -> Iterator[_Wrong]:
    for before, after in pairwise(parameters):
        if before.kind is ParameterKind.TEXT:
            what = f'"{before.name}" takes the rest of the line, so it must be the last parameter'
            yield ("parameters", before.name), what
        if before.default is not None and after.default is None:
            what = f'"{after.name}" needs a default, because "{before.name}" before it has one'
            yield ("parameters", after.name), what


def _wrong_directory(directory: str) -> Iterator[_Wrong]:
    if directory.startswith(("/", "~")) or ".." in directory.split("/"):
        yield ("directory",), "directory must lie inside the project"


def _parameters(
    command: str, value: object, document: Document, mistakes: list[str]
) -> Iterator[Parameter]:
    path = (command, "parameters")
    if value is not None and not isinstance(value, Mapping):
        mistakes.append(f"{document.at(path)}: {toml.name(path)} must be tables, one for each")
        return
    for name, table in (value or {}).items():
        before = len(mistakes)
        found = toml.read(ParameterRow, document, (*path, name), table, mistakes)
        if len(mistakes) > before:
            continue
        parameter = Parameter(
            name, ParameterKind(found.kind), found.choices, found.default, found.maximum
        )
        where = f"{document.at((*path, name))}: {toml.name((*path, name))}"
        mistakes += [f"{where}: {what}" for what in _wrong_parameter(parameter)]
        yield parameter


def _wrong_parameter(parameter: Parameter) -> Iterator[str]:
    if not _PARAMETER_NAME.fullmatch(parameter.name):
        yield "a parameter's name is small letters, digits and _"
    if (parameter.kind is ParameterKind.CHOICE) != bool(parameter.choices):
        yield '"choices" and kind = "choice" go together'
    if parameter.maximum is not None and parameter.kind is not ParameterKind.INTEGER:
        yield '"maximum" only goes with kind = "integer"'
    offered = (*parameter.choices, *(() if parameter.default is None else (parameter.default,)))
    for value in offered:
        if not accepts(parameter, value):
            yield f'"{value}" is not {expectation(parameter)}'
