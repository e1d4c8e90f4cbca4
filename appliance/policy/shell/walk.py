"""A script to its commands, each with every directory it may run in.

`cd src; ls` lists src, or what it was started in if there is no src. So each part has the
directories it may leave behind when it succeeds and when it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from appliance.policy.atoms import Unclear
from appliance.policy.shell.script import (
    AndOr,
    Block,
    Command,
    Glob,
    If,
    Late,
    Loop,
    Node,
    Not,
    Pipeline,
    Redirect,
    Script,
    Sequence,
)
from appliance.policy.shell.wrappers import Unwrapped, Words, unwrapped

MAX_DIRECTORIES = 16

Directories = tuple[str, ...]
Resolve = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """A command, or why it cannot be judged. `run` is None where there is only a directory gone to
    or the redirections of a group. `fed_by` are the words of the command whose output it reads,
    when nothing else can come in."""

    text: str
    directories: Directories
    run: Unwrapped | Unclear | None
    redirects: tuple[Redirect, ...] = ()
    redirects_in: Directories = ()
    fed_by: Words = ()


class _After(NamedTuple):
    """The directories behind a part."""

    success: Directories
    failure: Directories

    @property
    def either(self) -> Directories:
        return _joined(self.success, self.failure)


def steps(script: Script, here: str, resolve: Resolve) -> list[Step]:
    """Every command of the script. `resolve(path, directory)` follows links and ".."."""
    walk = _Walk(resolve)
    walk.after(script.body, (here,))
    return walk.steps


def _printing(node: Node | None) -> Words:
    """The words of a plain command that prints into the pipe and nowhere else."""
    is_plain = isinstance(node, Command) and all(one.descriptor == "2" for one in node.redirects)
    return node.words if is_plain and isinstance(node, Command) else ()


def _joined(*several: Directories) -> Directories:
    found = tuple(dict.fromkeys(directory for one in several for directory in one))
    if len(found) > MAX_DIRECTORIES:
        raise Unclear("too many changes of the directory", "make one call for each directory")
    return found


@dataclass(slots=True)
class _Walk:
    resolve: Resolve
    steps: list[Step] = field(default_factory=list)

    def after(self, node: Node, here: Directories) -> _After:
        """Note the commands of a part that begins in one of these directories."""
        match node:
            case Command():
                return self._command(node, here)
            case Sequence(parts):
                found = _After(here, here)
                for part in parts:
                    found = self.after(part, found.either)
                return found
            case AndOr(first, rest):
                found = self.after(first, here)
                for operator, part in rest:
                    found = self._joint(found, operator, part)
                return found
            case Pipeline(parts):
                ends = [
                    self._command(part, here, _printing(before))
                    if isinstance(part, Command)
                    else self.after(part, here)
                    for before, part in zip((None, *parts), parts, strict=False)
                ]
                last = _joined(here, ends[-1].either)  # zsh runs the last part itself
                return _After(last, last)
            case Not(body):
                found = self.after(body, here)
                return _After(found.failure, found.success)
            case Block(body, is_subshell, redirects):
                self._group(redirects, here)
                found = self.after(body, here)
                return _After(here, here) if is_subshell else found
            case If():
                return self._if(node, here)
            case Loop():
                return self._loop(node, here)

    def _joint(self, left: _After, operator: str, part: Node) -> _After:
        if operator == "&&":
            right = self.after(part, left.success)
            return _After(right.success, _joined(left.failure, right.failure))
        right = self.after(part, left.failure)
        return _After(_joined(left.success, right.success), right.failure)

    def _if(self, node: If, here: Directories) -> _After:
        self._group(node.redirects, here)
        condition = self.after(node.condition, here)
        then = self.after(node.then, condition.success)
        if node.otherwise is None:
            return _After(_joined(then.success, condition.failure), then.failure)
        otherwise = self.after(node.otherwise, condition.failure)
        return _After(
            _joined(then.success, otherwise.success), _joined(then.failure, otherwise.failure)
        )

    def _loop(self, node: Loop, here: Directories) -> _After:
        self._group(node.redirects, here)
        for one in node.rounds:
            if set(self.after(one, here).either) != set(here):
                raise Unclear("a change of the directory in a loop", "make one call for each file")
        return _After(here, here)

    def _group(self, redirects: tuple[Redirect, ...], here: Directories) -> None:
        if redirects:
            self.steps.append(Step("", here, None, redirects, here))

    def _command(self, command: Command, here: Directories, fed_by: Words = ()) -> _After:
        there = here
        for word in command.words:
            for printing in word.inner if isinstance(word, Late) else ():
                self.after(printing, here)
        try:
            run = unwrapped(command.words, command.settings)
            for directory in run.directories:
                there = self._gone(there, directory)
            if run.by_shell and run.words[0] in ("set", "export"):
                self.steps.append(Step(command.text, here, None, command.redirects, here))
                return _After(here, here)
            if run.words[0] == "cd":
                there = self._changed(run, here)
                self.steps.append(Step(command.text, there, None, command.redirects, here))
                return _After(there, here)
        except Unclear as why:
            self.steps.append(Step(command.text, here, why))
            return _After(here, here)
        is_fed = not any(redirect.operator[0] == "<" for redirect in command.redirects)
        fed_by = fed_by if is_fed else ()
        self.steps.append(Step(command.text, there, run, command.redirects, here, fed_by))
        return _After(here, here)

    def _changed(self, run: Unwrapped, here: Directories) -> Directories:
        target = run.words[2:] if run.words[1:2] in (("-P",), ("--",)) else run.words[1:]
        is_plain = len(target) == 1 and not isinstance(target[0], Glob | Late)
        if not run.by_shell or not is_plain or target[0].startswith("-") or not target[0]:
            raise Unclear('"cd" to no plain directory', "write the directory's path: cd DIRECTORY")
        return self._gone(here, target[0])

    def _gone(self, here: Directories, target: str) -> Directories:
        if isinstance(target, Glob | Late):
            raise Unclear(f'the directory "{target}"', "write the directory's path")
        return _joined(tuple(self.resolve(target, directory) for directory in here))
