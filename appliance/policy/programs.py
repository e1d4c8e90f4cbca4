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
from appliance.policy.shell import Glob, Late


class File(NamedTuple):
    """A file that a command reads or writes; the path may be a `Glob`. Or an address (`web`).
    Of a directory the command opens all that is in it when `is_tree`, through links, too."""

    act: Act
    path: str
    is_tree: bool = False


def files_named(words: Sequence[str]) -> tuple[File, ...]:
    """The files of a reviewed command.

    Raises Unclear, naming the word, when the program or one of its options is not reviewed.
    """
    name, profile, arguments = words[0], PROFILES.get(words[0]), words[1:]
    while profile is not None and arguments and arguments[0] in profile.subcommands:
        name = f"{name} {arguments[0]}"
        profile, arguments = profile.subcommands[arguments[0]], arguments[1:]
    if profile is None:
        raise _unreviewed(f'"{name}" is no program with reviewed options')
    if profile.operands is Operands.SUBCOMMAND:  # a bare `git stash` is `git stash push`
        raise _unreviewed(f'"{" ".join((name, *arguments[:1]))}" is not reviewed')
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
        if self.profile.operands in _WITHOUT_OPTIONS and not self.profile.flags:
            self.operands += words  # echo prints whatever it gets
            return self
        rest = list(words)
        if self.profile.reads_lists and any(word.startswith("@") for word in rest):
            raise _unreviewed(f"{self.name} with arguments from a file (@) is not reviewed")
        if rest and re.fullmatch(self.profile.bundle or "(?!)", rest[0]):
            rest[0] = f"-{rest[0]}"
        while rest:
            word = rest.pop(0)
            if isinstance(word, Late):  # which may turn out to be an option
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
            if word == "--":
                self._behind_dashes(rest)
                break
            if not word.startswith("-") or word == "-":
                self.operands.append(word)
                continue
            options = _options(self.profile, word)
            if not options:
                raise _unreviewed(f'the option "{word}" of {self.name} is not reviewed')
            if options[-1].name in self.profile.pairs and rest:
                self.options.append(_Option(options[-1].name, rest.pop(0)))
            if options[-1].takes_next:
                options[-1] = _Option(options[-1].name, rest.pop(0) if rest else None)
            self.options += options
        self._check()
        self._check_values()
        return self

    def _behind_dashes(self, rest: list[str]) -> None:
        if self.profile.passes_on:
            self.passed_on = rest
            return
        for word in rest:
            if word.startswith("-") and word != "-":  # for find and others it is an option
                raise _unreviewed(f'{self.name} with "{word}" behind -- is not reviewed')
        self.operands += rest

    def _check(self) -> None:
        names = {option.name for option in self.options}
        if self.profile.needs and self.profile.needs.isdisjoint(names):
            raise _unreviewed(f"{self.name} without one of {' '.join(sorted(self.profile.needs))}")
        needed = self.profile.operands_need
        most = 0 if needed and needed.isdisjoint(names) else self.profile.most
        if most is not None and len(self.operands) > most:
            raise _unreviewed(f'{self.name} with "{self.operands[-1]}" is not reviewed')
        for word in self.passed_on:
            if word.startswith("-") and not _PASSED_ON.fullmatch(word):
                raise _unreviewed(f'the option "{word}" behind {self.name} is not reviewed')

    def _check_values(self) -> None:
        for name, value, _ in self.options:
            if isinstance(value, Glob | Late):
                raise Unclear(f'"{value}" outside of quotes', "put it in quotes")
            wanted = self.profile.values.get(name)
            if wanted and value is not None and not re.fullmatch(wanted, value, re.DOTALL):
                raise _unreviewed(f'{name} with "{value}" of {self.name} is not reviewed')
        for word in self.operands if self.profile.shape else ():
            if not re.fullmatch(self.profile.shape, word, re.DOTALL):
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')

    def files(self) -> Iterator[File]:
        for name, value, _ in self.options:
            if value not in (None, "-"):
                if name in self.profile.files:
                    yield _read(value)
                if name in self.profile.outputs:
                    yield _written(value)
        yield from (File(Act.READ, word) for word in self.passed_on if not word.startswith("-"))
        is_rewriting = any(option.name in self.profile.rewrites for option in self.options)
        for file in _FILES[self.profile.operands](self):
            yield file
            if is_rewriting:
                yield _written(file.path)

    def none(self) -> Iterator[File]:
        if self.operands:
            raise _unreviewed(f'{self.name} with "{self.operands[0]}" is not reviewed')
        return iter(())

    def text(self) -> Iterator[File]:
        return (_read(word) for word in self.operands if isinstance(word, Glob))

    def targets(self) -> Iterator[File]:
        for word in self.operands:
            is_plain = self.profile.shape or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", word)
            if not is_plain or _is_open(word):
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
        return iter(())

    def printed(self) -> Iterator[File]:
        """What `printf` prints: %n would set a variable, and zsh calculates with numbers."""
        first, *others = self.operands or ("",)
        kinds = re.findall(_CONVERSION, first.replace("%%", ""))
        is_plain = re.fullmatch(rf"(?:[^%]|%%|{_CONVERSION})*", first, re.DOTALL)
        if not is_plain or first.startswith("-") or _is_open(first):
            raise _unreviewed(f'printf with the format "{first}" is not reviewed')
        for index, word in enumerate(others if kinds else ()):
            is_text = kinds[index % len(kinds)] in "bcqs"
            if not is_text and word != "$?" and not re.fullmatch(r"[+-]?[0-9.]+", word):
                raise _unreviewed(f'printf with "{word}" for a number is not reviewed')
        return self.text()

    def addresses(self) -> Iterator[File]:
        for word in self.operands:
            if re.search(r"[][{}]", word) or _is_open(word):  # curl reads them as several addresses
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
            yield File(Act.WEB, word)

    def read_paths(self) -> Iterator[File]:
        return map(_read, self._certain())

    def trees(self) -> Iterator[File]:
        for word in self._certain():
            if _is_open(word):
                raise _unreviewed(f'{self.name} with "{word}" is not reviewed')
            yield File(Act.READ, word, is_tree=True)

    def written(self) -> Iterator[File]:
        return map(_written, self._certain())

    def behind_pattern(self) -> Iterator[File]:
        names = {option.name for option in self.options}
        is_without = names.isdisjoint(("-e", "--regexp", "--files", "--type-list"))
        return map(_read, self._behind_first() if is_without else self._certain())

    def revisions(self) -> Iterator[File]:
        """HEAD:src/app.py names a file, too."""
        for word in self._certain():
            yield from (_read(part) for part in (word, *word.split(":")) if part)

    def _certain(self) -> list[str]:
        for word in self.operands:
            if isinstance(word, Late) or word.startswith(":("):  # `:(icase).ENV` is .env for git
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

    def behind_mode(self) -> Iterator[File]:
        mode = self.operands[0] if self.operands else ""
        if not re.fullmatch(r"[ugoa]*[+=-][rwxX]+|0?[0-7]{3}", mode):  # no set-user-ID
            raise _unreviewed(f'{self.name} with the mode "{mode}" is not reviewed')
        return map(_written, self._certain()[1:])

    def tests(self) -> Iterator[File]:
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
    Operands.TREES: _Call.trees,
    Operands.WRITTEN: _Call.written,
    Operands.COPIED: _Call.copied,
    Operands.MOVED: _Call.copied,
    Operands.PATTERN_THEN_PATHS: _Call.behind_pattern,
    Operands.SCRIPT_THEN_PATHS: _Call.behind_script,
    Operands.REVISIONS_OR_PATHS: _Call.revisions,
    Operands.TESTS: _Call.tests,
    Operands.TARGETS: _Call.targets,
    Operands.MODE_THEN_WRITTEN: _Call.behind_mode,
    Operands.PRINTED: _Call.printed,
    Operands.ADDRESSES: _Call.addresses,
}
_WITHOUT_OPTIONS = (Operands.TEXT, Operands.PRINTED)


def _read(path: str) -> File:
    return File(Act.READ, path)


def _written(path: str) -> File:
    return File(Act.WRITE, path)


def _is_open(word: str) -> bool:
    """Whether the shell will put something else in its place."""
    return isinstance(word, Glob | Late)


_CONVERSION = r"%[-+ #0]*[0-9]*(?:\.[0-9]+)?([bcdeEfgGioqsuxX])"

_PASSED_ON = re.compile(
    r"--(?:fix|check|ci|run|quiet|silent|verbose|bail|noEmit|runInBand|passWithNoTests|forceExit"
    r"|detectOpenHandles|list|nocapture|no-coverage|colors?|no-color|exact|ignored|include-ignored)"
    r"|--(?:watch|watchAll|coverage)(?:=(?:true|false))?|-[qvstg]"
    r"|--(?:testNamePattern|testPathPatterns?|grep|max-warnings|maxWorkers|workers|retries|shard"
    r"|testTimeout|test-threads)(?:=[^=]*)?"
)
"""Options that mean the same harmless thing to the usual tools behind `npm run` and `cargo test`.
What stands behind one of the last kind is judged as a path: to be sure."""


def _options(profile: Profile, word: str) -> list[_Option]:
    """The options that a word is, several in a cluster such as -rn; none: not reviewed."""
    name, has_value, value = word.partition("=")
    if not word.startswith("--") and len(name) == 2:  # -d= is -d with the value "="
        name, has_value, value = word, "", ""
    if name in profile.valued:
        return [_Option(name, value if has_value else None, takes_next=not has_value)]
    if name in profile.flags or word in profile.flags | profile.rewrites:
        return [_Option(name, value if has_value else None)]
    if re.fullmatch(r"-[0-9]+", word):  # head -20
        return [_Option(word)]
    return [] if word.startswith("--") else _cluster(profile, word)


def _cluster(profile: Profile, word: str) -> list[_Option]:
    found: list[_Option] = []
    for index, letter in enumerate(word[1:], 1):
        name = f"-{letter}"
        if name in profile.valued:  # the rest of the word is its value: -n5
            value = word[index + 1 :]
            return [*found, _Option(name, value or None, takes_next=not value)]
        if name not in profile.flags:
            return []
        found.append(_Option(name))
    return found
