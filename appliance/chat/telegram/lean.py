"""Importing of aiogram only what we use.

`import aiogram` loads 630 modules, one for each type and method of the Bot API, and builds their
models: 2.3 s and 165 MB (aiogram issues 1876, 1891). Leaving the models unbuilt brings that down
to 0.5 s and 65 MB; loading only the modules that we name, and what they refer to, to 0.2 s and
50 MB. That is the difference between a daemon that is there at once and one that is not.

While `lean_aiogram` is entered, aiogram's three big packages are stand-ins that load a name's
module when it is asked for; which module that is they read from the package's own `__init__`.
Afterwards the stand-ins are gone, the loaded modules stay, and an ordinary `import aiogram` is
an ordinary import.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

ROOT = "aiogram"
TYPES = "aiogram.types"
PACKAGES = (ROOT, TYPES, "aiogram.methods")


class _StandIn(ModuleType):
    """A package that has not run its `__init__`, but knows from it where each name is."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name)
        self.__path__ = [str(directory)]
        self._homes = _homes(directory / "__init__.py")

    def __getattr__(self, name: str) -> Any:
        home = self._homes.get(name)
        if home is None:
            raise AttributeError(name)
        value = getattr(import_module(f"{self.__name__}.{home}"), name)
        setattr(self, name, value)
        return value


@contextmanager
def lean_aiogram() -> Iterator[None]:
    """Inside, importing from aiogram loads single modules, if nobody has imported all of it."""
    if ROOT in sys.modules:
        yield
        return
    for name, directory in zip(PACKAGES, _directories(), strict=True):
        sys.modules[name] = _StandIn(name, directory)
    try:
        yield
    finally:
        for name in PACKAGES:
            del sys.modules[name]


def build(models: Sequence[type[BaseModel]]) -> None:
    """Make these models ready for use, with all types that they refer to.

    Raises pydantic's PydanticUndefinedAnnotation when aiogram does not have such a type.
    """
    with lean_aiogram():
        names = _types_of(models)
    for model in models:
        model.model_rebuild(_types_namespace=names)


def _directories() -> Iterator[Path]:
    spec = find_spec(ROOT)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("aiogram is not installed", name=ROOT)
    root = Path(spec.submodule_search_locations[0])
    for name in PACKAGES:
        yield root.joinpath(*name.split(".")[1:])


def _homes(init: Path) -> dict[str, str]:
    """Name to module, from the lines `from .module import Name`."""
    statements = ast.parse(init.read_text(encoding="utf-8")).body
    return {
        alias.name: statement.module
        for statement in statements
        if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module
        for alias in statement.names
    }


def _types_of(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """Every type that the models mention, that those types mention, and so on."""
    types = import_module(TYPES)
    found: dict[str, Any] = {}
    todo: list[Any] = list(models)
    while todo:
        for name in _mentioned(todo.pop()) - found.keys():
            if hasattr(types, name):
                found[name] = getattr(types, name)
                todo.append(found[name])
    return found


def _mentioned(thing: Any) -> set[str]:
    """The names in a class's annotations, or in what an alias stands for."""
    if not isinstance(thing, type):
        return _words(repr(thing))
    annotated = (inspect.get_annotations(base).values() for base in thing.__mro__)
    return {word for annotations in annotated for word in _words(" ".join(map(str, annotations)))}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z]\w*", text))
