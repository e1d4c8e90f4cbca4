"""A shell line to atoms: the programs it runs, the files they name, and where it goes.

Each program is an atom of its words. Files that a program reads or writes are atoms of their own,
and so are redirections and every directory that the line changes to. A line that cannot be read
is not cut into atoms; a command in it that cannot be judged is an unclear atom beside the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from glob import iglob
from itertools import islice

from appliance.core.model import Act
from appliance.policy import found, hosts, paths, programs, shell
from appliance.policy.atoms import Atom, Care, Unclear, of_words
from appliance.policy.paths import Place
from appliance.policy.programs import File

MAX_MATCHES = 300
MAX_SEARCHES = 4
NOWHERE = frozenset({"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr"})


def atoms(line: str, place: Place) -> list[Atom]:
    """What the line asks for. Raises Unclear when it is not understood as a whole."""
    script = shell.read(line)
    steps = shell.steps(script, place.cwd, paths.resolved)
    if sum(_is_search(step) for step in steps) > MAX_SEARCHES:
        raise Unclear("too many searches in one line", "make one call for each")
    wanted = [atom for step in steps for atom in _step(step, place)]
    return wanted or [place.file(Act.READ, place.cwd)]  # `cd .` looks at where it is


def as_run(line: str) -> str:
    """The line in our own words; as it is when it is not understood."""
    try:
        return shell.read(line).text
    except Unclear:
        return line


def _is_search(step: shell.Step) -> bool:
    return isinstance(step.run, shell.Unwrapped) and found.is_run(step.run.words)


def _step(step: shell.Step, place: Place) -> Iterator[Atom]:
    for directory in step.directories:
        if directory != place.cwd:
            yield _at(place.file(Act.READ, directory), directory, place)
        if isinstance(step.run, shell.Unwrapped):
            atoms = _command(step.run, step.fed_by, directory, place)
            yield from (_at(atom, directory, place) for atom in atoms)
    if isinstance(step.run, Unclear):
        yield Atom(Act.BASH, step.text, step.text, Care.UNCLEAR, step.run.note, step.run.instead)
    for directory in step.redirects_in:
        for file in _redirected(step.redirects):
            yield from (_at(atom, directory, place) for atom in _file(file, directory, place))


def _at(atom: Atom, directory: str, place: Place) -> Atom:
    return atom if directory == place.cwd else replace(atom, directory=directory)


def _command(
    run: shell.Unwrapped, fed_by: Sequence[str], directory: str, place: Place
) -> Iterator[Atom]:
    if run.words[0] == "git" and (odd := _repository_in_files(directory, place.root)):
        note = f"{odd} looks like a repository of its own, whose settings can name programs"
        yield of_words(Act.BASH, run.words, Care.EXACT, note, "use git in the project itself")
        return
    try:
        if found.is_run(run.words):
            yield from list(_run_with_names(run, fed_by, directory, place))
            return
        loaded = (File(Act.READ, path) for path in run.loaded)
        files = (*programs.files_named(run.words), *loaded)
        named = [atom for file in files for atom in _file(file, directory, place)]
    except Unclear as why:
        yield of_words(Act.BASH, run.words, Care.EXACT, why.note, why.instead)
        return
    yield of_words(Act.BASH, run.words)
    yield from named


def _run_with_names(
    run: shell.Unwrapped, fed_by: Sequence[str], directory: str, place: Place
) -> Iterator[Atom]:
    """`find … -exec` and xargs: what they run, and each file that they may run it with."""
    words, finding = found.run_by(run.words, fed_by)
    inner = shell.unwrapped(words)
    if inner.directories:
        raise Unclear(f'"{inner.words[0]}" in another directory', "run it in a call of its own")
    if run.words[0] == "find":
        yield of_words(Act.BASH, run.words)
        for file in programs.files_named(finding):
            yield from _file(file, directory, place)
    yield of_words(Act.BASH, inner.words)
    for file in programs.files_named(inner.words):
        if file.path is found.NAME:
            for name in found.names(finding, directory):
                yield from place.files(file.act, name, directory)
        elif found.NAME in file.path:
            raise Unclear(f'"{file.path}", which is not seen', "name the files")
        else:
            yield from _file(file, directory, place)


def _repository_in_files(directory: str, root: str) -> str:
    """A directory that git takes for a bare repository, though its settings are plain files
    that anybody may have written; "" where there is none from here up to the project."""
    while True:
        if all(os.path.lexists(f"{directory}/{name}") for name in ("HEAD", "objects", "refs")):
            return "" if directory.endswith("/.git") else directory
        if directory == root or not paths.is_within(directory, root):
            return ""
        directory = os.path.dirname(directory)  # noqa: PTH120


def _redirected(redirects: tuple[shell.Redirect, ...]) -> Iterator[File]:
    for redirect in redirects:
        if redirect.operator in ("<<<", ">&"):
            continue
        yield File(Act.READ if redirect.operator == "<" else Act.WRITE, redirect.target)


# --- files


def _file(file: File, directory: str, place: Place) -> Iterator[Atom]:
    """The file, or whatever fits when its name has wildcards (in quotes, too: to be sure)."""
    if file.act is Act.WEB:
        yield hosts.atom(file.path, ("https", "http"))
        return
    if file.path in NOWHERE:
        return
    if file.is_tree and os.path.isdir(os.path.join(directory, file.path)):  # noqa: PTH112, PTH118
        for name in found.names(("find", file.path), directory):
            yield from place.files(file.act, name, directory)
        return
    if not re.search(r"[*?\[]", file.path):
        yield from place.files(file.act, file.path, directory)
        return
    if not isinstance(file.path, shell.Glob):
        yield from place.files(file.act, file.path, directory)
    yield from _matches(file, directory, place)


def _matches(file: File, directory: str, place: Place) -> Iterator[Atom]:
    """The directory a glob starts in, what it asks for, and what fits it as things stand."""
    parts = file.path.split("/")
    literal = next(i for i, part in enumerate(parts) if set(part) & set("*?["))
    if ".." in parts[literal:]:
        raise Unclear('a glob with ".." behind a wildcard', "name the files")
    start = "/".join(parts[:literal]) or ("/" if file.path.startswith("/") else ".")
    base = place.file(file.act, start, directory)
    if any(paths.asks_for_protected(file.act, part) for part in parts[literal:]):
        note = f'"{file.path}" asks for protected files'
        base = replace(base, care=Care.PROTECTED, note=note, instead="name other files")
    yield base
    pattern = re.sub(r"\[[^\]]*\]", "?", file.path)  # more than any set can mean in any language
    # like a shell, and unlike pathlib, it leaves hidden files to patterns that begin with a dot
    matches = iglob(pattern, root_dir=directory)  # noqa: PTH207
    found = list(islice(matches, MAX_MATCHES + 1))
    if len(found) > MAX_MATCHES:
        raise Unclear(f'"{file.path}" fits more than {MAX_MATCHES} files', "name the directory")
    for name in found:
        yield from place.files(file.act, name, directory)
