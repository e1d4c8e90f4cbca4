"""The programs of `packaging/image` and `packaging/oci`, found as they find each other."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from tests.packaging.programs import PACKAGING

PLACES = (PACKAGING, PACKAGING / "image", PACKAGING / "oci")


def module(name: str) -> ModuleType:
    for place in map(str, PLACES):
        if place not in sys.path:
            sys.path.append(place)
    return importlib.import_module(name)
