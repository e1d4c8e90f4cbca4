"""`dispatchctl audit …` as the tests call it."""

from __future__ import annotations

import argparse
import io

from appliance.app.audit_commands import add_parser


def audit(*arguments: object) -> tuple[int, list[str]]:
    """Exit status and lines of `dispatchctl audit …`."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["audit", *map(str, arguments)])
    out = io.StringIO()
    return parsed.run(parsed, out), out.getvalue().splitlines()
