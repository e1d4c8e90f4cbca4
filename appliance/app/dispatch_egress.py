"""`dispatch-egress`: the only way from a task to the network, as a user of its own.

    dispatch-egress --socket /run/dispatch-egress/socket --daemon dispatch

Serves dispatchd alone, which says for each connection whether it may be made. Runs in the
foreground until SIGTERM or SIGINT, which closes every connection.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from appliance import __version__
from appliance.app.cli import run_program
from appliance.app.journal import start_logging
from appliance.app.listening import listening
from appliance.host.service_manager import ServiceManager
from appliance.local_sockets import user_id


def main(arguments: Sequence[str] | None = None) -> int:
    """Console entry; returns the exit status."""
    return run_program("dispatch-egress", lambda: serve(build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dispatch-egress", description="The proxy of dispatch-appliance's tasks."
    )
    parser.add_argument(
        "--socket",
        type=Path,
        default=Path("/run/dispatch-egress/socket"),
        metavar="PATH",
        help="where to listen, unless systemd does it for us (default: %(default)s)",
    )
    parser.add_argument(
        "--daemon",
        required=True,
        metavar="USER",
        help="whom to serve: the user of dispatchd, by name or number",
    )
    parser.add_argument(
        "--lifeline",
        action="store_true",
        help="standard input is a socket of who started us: say there when ready, end with it",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def serve(arguments: argparse.Namespace) -> int:
    """Serve sessions until told to stop. Raises ApplianceError."""
    start_logging("dispatch-egress")
    daemon = user_id(arguments.daemon)
    # no TLS is spoken here, and asyncio loads OpenSSL when it finds it: 4 MB of 20
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]
    from appliance.app.egress_life import live
    from appliance.egress.server import DESCRIPTORS

    _allow_descriptors(DESCRIPTORS)
    with (
        closing(ServiceManager()) as manager,
        listening(manager, arguments.socket) as listener,
    ):
        live(listener, daemon, manager, has_lifeline=arguments.lifeline)
    return 0


def _allow_descriptors(number: int) -> None:
    """As many as we may need, where whoever started us permits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    permitted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < permitted:
        with suppress(OSError, ValueError):  # a filter of system calls: what there is must do
            resource.setrlimit(resource.RLIMIT_NOFILE, (permitted, hard))


if __name__ == "__main__":
    sys.exit(main())
