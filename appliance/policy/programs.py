"""Which files a command names, when its program and all its options are reviewed (`profiles`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename
from typing import NamedTuple

from appliance.core.model import Act
from appliance.policy.atoms import Unclear
from appliance.policy.profiles import PROFILES, Operands, Profile
from appliance.policy.shell import Glob, Status


class File(NamedTuple):
    """A file that a command reads or writes; the path may be a `Glob`."""

    act: Act
    path: str


def files_named(words: Sequence[str]) -> tuple[File, ...]:
    """The files of a reviewed command.

    Raises Unclear, naming the word, when the program or one of its options is not reviewed.
    """
    name, profile, arguments = words[0], PROFILES.get(words[0]), words[1:]
    while profile is not None and profile.subcommands:
        if not arguments:  # a bare `git stash` is `git stash push`
            raise _unreviewed(f'"{name}" without a subcommand is not reviewed')
        name = f"{name} {arguments[0]}"
        profile, arguments = profile.subcommands.get(arguments[0]), arguments[1:]
    if profile is None:
        raise _unreviewed(f'"{name}" is no program with reviewed options')
    return tuple(_Call(name, profile).read(arguments).files())


def _unreviewed(note: str) -> Unclear:
    return Unclear(note, "use plain options, or ask the owner for a rule with this exact command")


class _Option(NamedTuple):
    name: str
    value: str | None = None
    takes_next: bool = False


@dataclass(slots=True)
class _Call:
    name: str
    profile: Profile
    operands: list[str] = field(default_factory=list)
    options: list[_Option] = field(default_factory=list)
    passed_on: list[str] = field(default_factory=list)

    def read(self, words: Sequence[str]) -> _Call:
        """Tell options from operands."""
        if self.profile.operands is Operands.TEXT and not self.profile.flags:
            self.operands += words  # echo prints whatever it gets
            return self
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                self._behind_dashes(rest)
                break
            if not word.startswith("-") or word == "-":
                self.operands.append(word)
                continue
            option = _option(self.profile, word)
            if option is None:
                raise _unreviewed(f'the option "{word}" of {self.name} is not reviewed')
            if option.takes_next:
                option = _Option(option.name, rest.pop(0) if rest else None)
            if isinstance(option.value, Glob | Status):
                raise Unclear(f'"{option.value}" outside of quotes', "put it in quotes")
            self.options.append(option)
        self._check()
        return self

    def _behind_dashes(self, rest: list[str]) -> None:
        if self.profile.passes_on:
            self.passed_on = rest
        else:
            self.operands += rest

    def _check(self) -> None:
        names = {option.name for option in self.options}
        if self.profile.needs and self.profile.needs.isdisjoint(names):
            raise _unreviewed(f"{self.name} without one of {' '.join(sorted(self.profile.needs))}")
        if self.profile.most is not None and len(self.operands) > self.profile.most:
            raise _unreviewed(f'{self.name} with "{self.operands[-1]}" is not reviewed')
        for word in self.passed_on:
            if word.startswith("-") and word not in _PASSED_ON:
                raise _unreviewed(f'the option "{word}" behind {self.name} is not reviewed')

    def files(self) -> Iterator[File]:
        for option in self.options:
            if option.name in self.profile.files and option.value is not None:
                yield File(Act.READ, option.value)
        yield from (File(Act.READ, word) for word in self.passed_on if not word.startswith("-"))
        yield from self._operands()

    def _operands(self) -> Iterator[File]:
        return _FILES[self.profile.operands](self)

    def none(self) -> Iterator[File]:
        if self.operands:
            raise _unreviewed(f'{self.name} with "{self.operands[0]}" is not reviewed')
        return iter(())

    def text(self) -> Iterator[File]:
        return (_read(word) for word in self.operands if isinstance(word, Glob))

    def targets(self) -> Iterator[File]:
        for word in self.operands:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", word) or _is_open(word):
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
        return iter(())

    def read_paths(self) -> Iterator[File]:
        return map(_read, self._certain())

    def written(self) -> Iterator[File]:
        return map(_written, self._certain())

    def behind_pattern(self) -> Iterator[File]:
        has_pattern = any(option.name in ("-e", "--regexp") for option in self.options)
        return map(_read, self._certain() if has_pattern else self._behind_first())

    def revisions(self) -> Iterator[File]:
        """HEAD:src/app.py names a file, too."""
        for word in self._certain():
            yield from (_read(part) for part in (word, *word.split(":")) if part)

    def _certain(self) -> list[str]:
        for word in self.operands:
            if isinstance(word, Status):
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
        return [word for word in self.operands if word != "-"]

    def _behind_first(self) -> list[str]:
        """The operands without the first, which has to be a plain word."""
        if self.operands and _is_open(self.operands[0]):
            raise Unclear(f'"{self.operands[0]}" outside of quotes', "put it in quotes")
        return self._certain()[1:] if self.operands[:1] != ["-"] else self._certain()

    def behind_script(self) -> Iterator[File]:
        scripts = [o.value or "" for o in self.options if o.name in self.profile.scripts]
        files = self._certain() if scripts else self._behind_first()
        if self.profile.check is not None:
            for script in scripts or self.operands[:1]:
                self.profile.check(script)
        return map(_read, files)

    def tests(self) -> Iterator[File]:
        if any(word.startswith("@") for word in self.operands):
            raise _unreviewed(f"{self.name} with arguments from a file (@) is not reviewed")
        return (
            _read(word if _is_open(word) else word.partition("::")[0]) for word in self._certain()
        )

    def copied(self) -> Iterator[File]:
        """Each source, and both places it may end up in: there, or below there."""
        words = self._certain()
        if len(words) < 2 or any(basename(word) in ("", ".", "..") for word in words[:-1]):
            raise _unreviewed(f"{self.name} of a whole directory's content is not reviewed")
        *sources, target = words
        if _is_open(target):
            raise _unreviewed(f'{self.name} to "{target}" is not reviewed')
        yield _written(target)
        for source in sources:
            yield _read(source)
            if self.profile.operands is Operands.MOVED:
                yield _written(source)
            yield _written(f"{target.rstrip('/') or '/'}/{basename(source)}")


_FILES: Mapping[Operands, Callable[[_Call], Iterator[File]]] = {
    Operands.NONE: _Call.none,
    Operands.TEXT: _Call.text,
    Operands.PATHS: _Call.read_paths,
    Operands.WRITTEN: _Call.written,
    Operands.COPIED: _Call.copied,
    Operands.MOVED: _Call.copied,
    Operands.PATTERN_THEN_PATHS: _Call.behind_pattern,
    Operands.SCRIPT_THEN_PATHS: _Call.behind_script,
    Operands.REVISIONS_OR_PATHS: _Call.revisions,
    Operands.TESTS: _Call.tests,
    Operands.TARGETS: _Call.targets,
}


def _read(path: str) -> File:
    return File(Act.READ, path)


def _written(path: str) -> File:
    return File(Act.WRITE, path)


def _is_open(word: str) -> bool:
    """Whether the shell will put something else in its place."""
    return isinstance(word, Glob | Status)


_PASSED_ON = frozenset({
    "--fix", "--check", "--watch", "--watch=false", "--watchAll=false", "--coverage", "--silent",
    "--verbose", "--ci", "--run", "--quiet", "--bail", "--passWithNoTests", "--noEmit", "-q", "-v",
})  # fmt: skip
"""Options that mean the same harmless thing to the usual tools behind `npm run`."""


def _option(profile: Profile, word: str) -> _Option | None:
    """The option that a word is, or the last one of a cluster such as -rn; None: not reviewed."""
    name, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if name in profile.valued:
        return _Option(name, value if has_value else None, takes_next=not has_value)
    if name in profile.flags or re.fullmatch(r"-[0-9]+", word):  # git log -5, head -20
        return _Option(name, value)
    return None if word.startswith("--") else _cluster(profile, word)


def _cluster(profile: Profile, word: str) -> _Option | None:
    last = len(word) - 1
    for index, letter in enumerate(word[1:], 1):
        if f"-{letter}" in profile.valued:  # the rest of the word is its value: -n5
            return _Option(f"-{letter}", word[index + 1 :], takes_next=index == last)
        if f"-{letter}" not in profile.flags:
            return None
    return _Option(f"-{word[last]}")
