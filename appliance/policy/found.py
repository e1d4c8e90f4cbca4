"""Programs that are run with the names that find finds: `find … -exec PROGRAM`, `find … | xargs`.

The files are looked up when the line is judged, like those of a glob, and each is judged as if the
line named it. Tests of find that are not understood are passed over, so more files may be
judged than will be found, never fewer. Nothing else may feed xargs, because its words are not seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from appliance.core.model import Act
from appliance.policy.atoms import Unclear
from appliance.policy.paths import asks_for_protected
from appliance.policy.profiles import PROFILES
from appliance.policy.shell import Glob

MAX_FOUND = 1_000
MAX_VISITED = 50_000

NAME = Glob.of("{}", "{}")
"""Stands for each of the names."""

_ACTIONS = frozenset({"-print", "-print0", "-printf", "-ls", "-quit", "-prune"})
_ALTERNATIVES = frozenset({"-o", "-or", ","})
_NEGATIONS = frozenset({"!", "-not"})
_PLAIN_PATTERN = re.compile(r"[^\[\]\\]+")
_WHOLE_NAME = re.compile(r"[^\s'\"\\]+")
_INSTEAD = "write find DIRECTORY -name '*.EXT' -exec PROGRAM {} +, with a program that is granted"


class Run(NamedTuple):
    """A program's words, with `NAME` in the place of what is found, and the words of find."""

    words: tuple[str, ...]
    finding: tuple[str, ...]


def is_run(words: Sequence[str]) -> bool:
    """Whether the command runs another one with names."""
    return words[0] == "xargs" or (words[0] == "find" and "-exec" in words)


def run_by(words: Sequence[str], fed_by: Sequence[str]) -> Run:
    """What `xargs` runs with the names that `fed_by` prints, or find itself with -exec.

    Raises Unclear for anything but a plain find and a plain program.
    """
    if words[0] == "find":
        start = words.index("-exec")
        if words[-1] not in (";", "+"):
            raise Unclear('"find" with more than one action', _INSTEAD)
        return Run(_with_name(words[start + 1 : -1]), _plain_find(words[:start]))
    program = list(words[1:])
    is_whole = is_replacing = False
    while program and program[0].startswith("-"):
        option = program.pop(0)
        is_whole |= option in ("-0", "--null")
        is_replacing |= option == "-I{}" or (option == "-I" and program[:1] == ["{}"])
        if option in ("-n", "-P", "-L", "-I"):
            option += program.pop(0) if program else ""
        if not re.fullmatch(r"-0|--null|-r|--no-run-if-empty|-[nPL]\d+|-I\{\}", option):
            raise Unclear(f'the option "{option}" of xargs', _INSTEAD)
    if not fed_by or fed_by[0] != "find" or is_whole != (fed_by[-1] == "-print0"):
        raise Unclear('"xargs" without a find before it that ends its names alike', _INSTEAD)
    finding = fed_by[:-1] if fed_by[-1] in ("-print", "-print0") else fed_by
    return Run(_with_name(program if is_replacing else [*program, "{}"]), _plain_find(finding))


def _with_name(words: Sequence[str]) -> tuple[str, ...]:
    if [word for word in words if "{}" in word] != ["{}"] or words[0] == "{}":
        raise Unclear("a name inside another word, or none, or several", _INSTEAD)
    return tuple(NAME if word == "{}" else word for word in words)


def _plain_find(words: Sequence[str]) -> tuple[str, ...]:
    if odd := _ACTIONS.intersection(words):
        raise Unclear(f'"find" with "{min(odd)}" and a program', _INSTEAD)
    return tuple(words)


def names(finding: Sequence[str], directory: str) -> Iterator[str]:
    """The files that find may find there. Raises Unclear when they are too many to judge, and
    for a name that is more than one word to xargs."""
    starts = _starts(finding)
    tests = _tests(finding[1 + len(starts) :])
    if any(asks_for_protected(Act.WRITE, one) for several in tests.names for one in several):
        raise Unclear("a search for protected files", "search for other files")
    every = (path for start in starts or (".",) for path in _below(start, directory))
    found = 0
    for visited, path in enumerate(every):
        if visited > MAX_VISITED or found > MAX_FOUND:
            raise Unclear(f"more than {MAX_FOUND} files to judge", "search in one directory")
        if not tests.hold(path):
            continue
        if not _WHOLE_NAME.fullmatch(path):
            raise Unclear(f'the name "{path}", which xargs could cut apart', "leave this file out")
        found += 1
        yield path


def _starts(finding: Sequence[str]) -> list[str]:
    starts: list[str] = []
    for word in finding[1:]:
        if word.startswith("-") or word in ("(", "!"):
            break
        if isinstance(word, Glob):
            raise Unclear(f'"find" in "{word}"', "name the directories")
        starts.append(word)
    return starts


def _below(start: str, directory: str) -> Iterator[str]:
    """The start and all below it, as find writes them; links are not followed."""
    yield start
    base = os.path.join(directory, start)  # noqa: PTH118
    for top, directories, files in os.walk(base, onerror=_refuse):
        inside = f"{start.rstrip('/')}/{top[len(base) :].strip('/')}".rstrip("/")
        yield from (f"{inside}/{name}" for name in (*directories, *files))


def _refuse(error: OSError) -> None:
    """What cannot be looked into cannot be judged; what is not there, or no directory, is."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise Unclear(f'the directory "{error.filename}" cannot be read', "leave it out")


@dataclass(frozen=True, slots=True)
class _Tests:
    """What holds for all that is found: a name that fits each of `names`, and no path that fits
    one of `not_paths`."""

    names: list[tuple[str, ...]] = field(default_factory=list)
    not_paths: list[str] = field(default_factory=list)

    def hold(self, path: str) -> bool:
        name = path.rpartition("/")[2].casefold()
        return all(any(fnmatchcase(name, one) for one in several) for several in self.names) and (
            not any(fnmatchcase(path, one) for one in self.not_paths)
        )


def _tests(expression: Sequence[str]) -> _Tests:
    """The tests that are understood; the others are taken for fulfilled."""
    found, rest = _Tests(), list(expression)
    while rest:
        test, value = _next(rest)
        if test in _ALTERNATIVES:
            return _Tests()
        if test in _NEGATIONS and rest:
            test, value = _next(rest)
            if test == "-path" and _PLAIN_PATTERN.fullmatch(value[0]):
                found.not_paths.append(value[0])
        elif test in ("-name", "-iname") and all(map(_PLAIN_PATTERN.fullmatch, value)):
            found.names.append(tuple(pattern.casefold() for pattern in value))
    return found


def _next(rest: list[str]) -> tuple[str, list[str]]:
    """The next test and its value. `( -name a -o -name b )` is -name with two values."""
    test = rest.pop(0)
    if test == "(":
        end = rest.index(")") if ")" in rest else len(rest)
        inside, rest[:] = rest[:end], rest[end + 1 :]
        tests, values, joints = inside[::3], inside[1::3], inside[2::3]
        is_names = {*tests} <= {"-name", "-iname"} and {*joints} <= {"-o", "-or"}
        return ("-name", values) if is_names and len(inside) % 3 == 2 else ("", [])
    if test in PROFILES["find"].valued:
        return test, [rest.pop(0) if rest else ""]
    return test, []
