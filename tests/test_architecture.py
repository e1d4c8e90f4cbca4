"""The docstrings of packages are the pages of the architecture: they name all that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    path.parent
    for place in ("", "*/")
    for path in sorted(ROOT.glob(f"appliance/{place}__init__.py"))
]
_ROW = re.compile(r"^ {4}([a-z][a-z_0-9./]*(?:, [a-z][a-z_0-9./]*)*)(?:  |$)", re.MULTILINE)


def named_in(package: Path) -> set[str]:
    """The names of modules and packages that begin a row of its docstring."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    rows = ", ".join(row[1] for row in _ROW.finditer(docstring)).split(", ")
    return {name.removesuffix(".py").rstrip("/") for name in rows}


def modules_of(package: Path) -> set[str]:
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return files | {path.parent.name for path in package.glob("*/__init__.py")}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_tells_of_every_module_and_of_no_other(package: Path) -> None:
    assert named_in(package) == modules_of(package)
