"""What every command of ours does the same: errors as two lines, an exit status, its help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from appliance.errors import ApplianceError


def run_program(name: str, main: Callable[[], int]) -> int:
    """Run a program's body; the only place that catches everything."""
    try:
        return main()
    except ApplianceError as error:
        _say(f"{name}: error: {error.message}")
        if error.hint:
            _say(f"{name}: hint: {error.hint}")
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader of our output is gone (`| head`); nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # a stack trace on a terminal is a bug too
        if "DISPATCH_DEBUG" in os.environ:  # noqa: TID251 - app/ reads the environment
            raise
        reason = first_cause(error)
        _say(f"{name}: error: unexpected {type(reason).__name__}: {reason}")
        _say(f"{name}: hint: this is a bug; run again with DISPATCH_DEBUG=1 and report it")
        return 70


def first_cause(error: BaseException) -> BaseException:
    """The error itself, or the first one inside groups: what a TaskGroup died of."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def describe_commands(parser: argparse.ArgumentParser) -> None:
    """The help of a command begins with what the list of commands says of it, or with more."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for entry in action._choices_actions:
                command = action.choices[entry.dest]
                summary = entry.help or ""
                command.description = command.description or f"{summary[:1].upper()}{summary[1:]}."
                describe_commands(command)


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the one home of messages to the terminal
