"""What several policy commands need: the settings, the policy they name, options, answers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE

JSON_VERSION = 1

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings
    from appliance.policy.loaded import LoadedPolicy


def add_options(parser: argparse.ArgumentParser) -> None:
    """--config, --policies, --json."""
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="the settings file")
    parser.add_argument(
        "--policies",
        "--policy",
        dest="policies",
        type=Path,
        metavar="DIR",
        help="another directory than the settings say",
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def settings_of(arguments: argparse.Namespace) -> Settings:
    from appliance.config import load

    return load(arguments.config)


def directory_of(arguments: argparse.Namespace, settings: Settings) -> Path:
    return arguments.policies or Path(settings.daemon.policies)


def policy_of(
    arguments: argparse.Namespace, settings: Settings, *, is_tried: bool = True
) -> LoadedPolicy:
    """The policy that the command is about. Raises PolicyError with every mistake in it."""
    from appliance.app.policy_files import policy_in

    return policy_in(directory_of(arguments, settings), settings, is_tried=is_tried)


def print_json(answer: Mapping[str, Any]) -> None:
    """The answer of a command to a program, in one line, with its version."""
    print(json.dumps({"v": JSON_VERSION, **answer}))
