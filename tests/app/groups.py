"""dispatchctl with one group of its commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from types import ModuleType

from appliance.app.cli import run_program


def run_group(group: ModuleType, arguments: Sequence[str]) -> int:
    """The exit status; `group` has `add_parser`."""
    parser = argparse.ArgumentParser(prog="dispatchctl")
    group.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(arguments)
    return run_program("dispatchctl", lambda: int(parsed.run(parsed)))
