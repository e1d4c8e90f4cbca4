"""`dispatchctl audit browse`: look around in the log with a web browser, on this machine only.

Datasette opens the database read-only. It listens on the loopback interface and answers only to
the browser that opened the link it prints: a token in the link is used up by that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.shared import add_database, database_of
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.core.model import Json

_SETTINGS = {
    "allow_download": "off",  # a file that is being written cannot be copied like this
    "default_page_size": "50",
    "facet_time_limit_ms": "2000",
    "sql_time_limit_ms": "10000",
}
_RAW = ("leaf", "payload", "ckpt", "anchor")


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    browse = actions.add_parser("browse", help="look around in the log with a web browser")
    browse.set_defaults(run=run_browse)
    add_database(browse)
    browse.add_argument("--port", type=int, default=0, help="default: any that is free")


def run_browse(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Serve until Ctrl-C. Raises ApplianceError without Datasette, AuditUnavailable without log."""
    from appliance.audit.reader import opened

    path = database_of(arguments)
    with opened(path):  # says in one sentence what Datasette would take many for
        pass
    if find_spec("datasette") is None:
        raise ApplianceError(
            "browsing needs Datasette, which is not installed",
            hint=f"run: {sys.executable} -m pip install 'dispatch-appliance[browse]'",
        )
    (out or sys.stdout).write("open the link below; Ctrl-C ends it\n")
    (out or sys.stdout).flush()
    return subprocess.run(  # noqa: S603 - ourselves, with a path
        command(path, arguments.port), input=json.dumps(metadata(path)), text=True, check=False
    ).returncode


def command(path: Path, port: int) -> list[str]:
    """What is run; it reads `metadata` from its standard input."""
    settings = (word for name in _SETTINGS for word in ("--setting", name, _SETTINGS[name]))
    place = ("--host", "127.0.0.1", "--port", str(port), "--root", "--metadata", "-")
    return [sys.executable, "-m", "datasette", "serve", *place, *settings, str(path)]


def metadata(path: Path) -> Json:
    """Who may look, and that the view with decoded records is what there is to see."""
    newest: Json = {
        "sort_desc": "seq",
        "facets": ["kind", "outcome", "who", "project"],
        "description": "One row for each record, decoded. Whether the records are what was "
        "signed is told by: dispatchctl audit verify",
    }
    hidden: dict[str, Json] = {name: {"hidden": True} for name in _RAW}
    return {
        "title": "Audit log",
        "allow": {"id": "root"},
        "databases": {path.stem: {"tables": {"record": newest, **hidden}}},
    }
