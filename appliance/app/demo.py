"""`make demo [PROJECT=/path]`: a daemon of your own with a sample project, no root, no systemd.

Everything it makes lies in `.demo/` of the checkout: settings, state, audit log, the sample
project. It is the same daemon as installed, with the weakest isolation allowed, and it says so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from appliance.app.cli import run_program
from appliance.config import WebSettings
from appliance.errors import ConfigError

USER = "me"

SAMPLE_FILES = {
    "README.md": "# sample\n\nA small project to try dispatch-appliance on.\n",
    "dates.py": '''"""Dates as people write them."""

from datetime import date


def parse_date(text: str) -> date:
    """ "2026-11-21" or "21.11.2026"."""
    if "." in text:
        day, month, year = text.split(".")
        return date(int(year), int(month), int(day))
    return date.fromisoformat(text)
''',
    "test_dates.py": """import unittest

from dates import parse_date


class ParseDate(unittest.TestCase):
    def test_both_ways_of_writing_are_the_same_day(self):
        self.assertEqual(parse_date("2026-11-21"), parse_date("21.11.2026"))


if __name__ == "__main__":
    unittest.main()
""",
    "Makefile": "test:\n\t@python3 -m unittest -v\n",
    "deploy": '#!/bin/sh\necho "pretending to deploy to $1"\n',
    ".gitignore": "__pycache__/\n",
}


def main() -> int:
    """Console entry: `python -m appliance.app.demo [PROJECT]`."""
    return run_program("demo", lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    home = Path(__file__).resolve().parents[2] / ".demo"
    home.mkdir(mode=0o700, exist_ok=True)
    project = Path(arguments[0]).resolve() if arguments else _sample_project(home / "sample")
    if not project.is_dir():
        raise ConfigError(
            f"{project} is not a directory", hint="make demo PROJECT=/path/to/project"
        )
    settings_file = home / "dispatch.toml"
    settings_file.write_text(_settings(home, project))
    from appliance.app.dispatchd import serve

    return serve(settings_file, announce=lambda link, notice: _announce(link, notice, project))


def _announce(link: str, notice: str, project: Path) -> None:
    control = f".venv/bin/dispatchctl status --config {Path('.demo/dispatch.toml')}"
    print(f"\n  Project   {project}")  # noqa: T201
    if notice:
        print(f"  Note      {notice}")  # noqa: T201
    print(f"  Control   {control}")  # noqa: T201
    print(f"\n  Open this once, in a browser on this machine:\n\n    {link}\n")  # noqa: T201
    print("  Ctrl-C stops it.\n", flush=True)  # noqa: T201


def _settings(home: Path, project: Path) -> str:
    policies = Path(__file__).resolve().parents[2] / "policies"
    settings = f"""# written anew by every `make demo`
[daemon]
state = "{home / "state"}"
policies = "{policies}"
credentials = "{home / "credentials"}"
minimum_isolation = "none"

[web]
port = {_port()}

[terminal]
socket = "{home / "control.sock"}"

[users.{USER}]
web = true
unix = [{os.getuid()}]

[projects.{_name(project)}]
path = "{project}"
"""
    program = shutil.which("claude")
    if program is None:
        return settings
    return f"""{settings}
[claude]
program = "{program}"
home = "{Path.home()}"
"""


def _name(project: Path) -> str:
    """A project's name for the settings: the directory's, in the letters allowed there."""
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in project.name.lower())
    return letters.lstrip("0123456789-")[:32].strip("-") or "project"


def _port() -> int:
    """The usual one, so that a bookmark stays good; any other while that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", WebSettings().port))
        except OSError:
            return 0
    return WebSettings().port


def _sample_project(directory: Path) -> Path:
    if (directory / ".git").is_dir():
        return directory
    directory.mkdir(exist_ok=True)
    for name, text in SAMPLE_FILES.items():
        (directory / name).write_text(text)
    (directory / "deploy").chmod(0o755)
    identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"]
    for command in (["init", "--quiet", "-b", "main"], ["add", "."]):
        _git(directory, command)
    _git(directory, [*identity, "commit", "--quiet", "-m", "A small project"])
    return directory


def _git(directory: Path, arguments: list[str]) -> None:
    try:
        subprocess.run(["git", *arguments], cwd=directory, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigError(
            f"git could not make the sample project: {error}", hint="install git, or name a PROJECT"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
