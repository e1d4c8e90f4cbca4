"""`dispatchctl audit …`: who did what, and is it what was written?

One module per command. Each has `add_parser`, which hangs the command in, and the function that
runs it; what several need is in `shared`. Nothing of the audit package is imported before a
command runs, so that dispatchctl starts at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Protocol


class Command(Protocol):
    """A module of this package with one command."""

    def add_parser(self, actions: argparse._SubParsersAction[Any]) -> None: ...


def add_parser(commands: argparse._SubParsersAction[Any], *, is_asked: bool = True) -> None:
    """Hang `audit …` into dispatchctl; the chosen function is in `arguments.run`.

    Its own commands only when it is asked for: they are many, and everybody else would wait.
    """
    audit = commands.add_parser("audit", help="who did what, and is it what was written?")
    if not is_asked:
        return
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    for command in _commands():
        command.add_parser(actions)


def _commands() -> Iterable[Command]:
    from appliance.app.audit_commands import (
        anchor,
        browse,
        export,
        fork,
        key,
        log,
        prove,
        prune,
        redact,
        report,
        show,
        verify,
    )

    return log, show, browse, verify, prove, export, report, redact, prune, key, anchor, fork
