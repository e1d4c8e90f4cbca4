"""`dispatchd`: the daemon.

    dispatchd --config /etc/dispatch/dispatch.toml

Runs in the foreground until SIGTERM or SIGINT. Says READY to systemd when it can take messages.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance import __version__
from appliance.app.cli import first_cause, run_program
from appliance.app.journal import start_logging
from appliance.errors import ApplianceError


def main(arguments: Sequence[str] | None = None) -> int:
    """Console entry; returns the exit status."""
    return run_program("dispatchd", lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    return serve(build_parser().parse_args(arguments).config)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dispatchd", description="The dispatch-appliance daemon.")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/dispatch/dispatch.toml"),
        metavar="FILE",
        help="the settings (default: %(default)s)",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def serve(settings_file: Path, announce: Callable[[str, str], None] | None = None) -> int:
    """Run the daemon with these settings until a signal. Raises ApplianceError."""
    start_logging("dispatchd")
    from appliance.app import wiring
    from appliance.app.backup_commands.placing import require_no_restore
    from appliance.config import load

    require_no_restore(settings_file)
    settings = load(settings_file)
    os.umask(0o077)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")  # noqa: TID251 - systemd.exec(5)
    try:
        asyncio.run(wiring.run(settings, credentials, announce))
    except* ApplianceError as group:
        raise first_cause(group) from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
