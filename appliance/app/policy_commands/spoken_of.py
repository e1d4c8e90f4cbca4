"""A policy judged where nothing is installed: its own lines say who and which directories exist.

For whoever keeps policies in a repository and tries them out there. Users are those who are given
a role and are none themselves; projects are the directories that rules and tests name. A policy
that speaks of projects by name needs the settings, which say where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.core.model import Project, ProjectName, UserName
from appliance.policy import sources
from appliance.policy.fields import Line, cut
from appliance.policy.paths import is_within


@dataclass(frozen=True, slots=True)
class SpokenOf:
    """Users and projects as the lines of a policy name them."""

    users: frozenset[UserName]
    projects: Mapping[ProjectName, Project]


def spoken_of(directory: Path) -> SpokenOf:
    """Raises PolicyError when the directory cannot be read; mistakes are left to the loader."""
    mistakes: list[str] = []
    found = sources.read(directory, mistakes)
    lines = [line for file in found.rules for line in cut(file.name, file.text, mistakes)]
    return SpokenOf(_users(lines), _projects(lines))


def _users(lines: Iterable[Line]) -> frozenset[UserName]:
    members = {line.fields[1] for line in lines if line.kind == "g"}
    roles = {line.fields[2] for line in lines if line.kind == "g"}
    roles |= {line.fields[1] for line in lines if line.kind in ("p", "q")}
    asked = {line.fields[1] for line in lines if line.kind == "t"}
    return frozenset(UserName(name) for name in (members - roles) | asked)


def _projects(lines: Iterable[Line]) -> Mapping[ProjectName, Project]:
    """The outermost directories, because no project lies in another."""
    named = {line.fields[2].removesuffix("/**") for line in lines if line.kind in ("p", "q", "t")}
    outermost: list[str] = []
    for path in sorted(path for path in named if path.startswith("/") and path != "/"):
        if not any(is_within(path, outer) for outer in outermost):
            outermost.append(path)
    # named as rules name them, so that a line that we advise can be pasted
    names = [ProjectName(f"{path}/**") for path in outermost]
    return {name: Project(name, path) for name, path in zip(names, outermost, strict=True)}
