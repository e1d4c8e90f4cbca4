"""Importing aiogram without building the 450 models that we do not use.

`aiogram.types` rebuilds every model when it is imported: 2.3 s and 165 MB, where we need a
handful of models (aiogram issues 1876, 1891). While `unbuilt_models` is entered, rebuilding does
nothing, which costs 0.4 s and 60 MB. What is used afterwards is built with `build`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel


@contextmanager
def unbuilt_models() -> Iterator[None]:
    """Inside, `model_rebuild` of pydantic models does nothing; pydantic is as before afterwards."""
    original = BaseModel.__dict__["model_rebuild"]

    def leave_unbuilt(_cls: type[BaseModel], /, **_arguments: object) -> None:
        """In place of `model_rebuild`."""

    BaseModel.model_rebuild = classmethod(leave_unbuilt)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        BaseModel.model_rebuild = original  # type: ignore[method-assign]


def build(models: tuple[type[BaseModel], ...], names: Mapping[str, Any]) -> None:
    """Build these models; `names` is what their annotations may refer to.

    Raises pydantic's PydanticUndefinedAnnotation when a name is missing.
    """
    for model in models:
        model.model_rebuild(_types_namespace=names)
