"""`dispatchctl status|jobs|send|awake|login`: what needs the running daemon."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE
from appliance.errors import ChatUnavailable, ConfigError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.app.control_client import ControlClient

ANSWER_SECONDS = 10.0


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang the commands into dispatchctl; the chosen function is in `arguments.run`."""
    status = commands.add_parser("status", help="what runs, and how the parts are")
    status.set_defaults(run=run_status)
    jobs = commands.add_parser("jobs", help="the latest jobs")
    jobs.set_defaults(run=run_jobs)
    send = commands.add_parser("send", help="say something, as in a chat, and see the answer")
    send.add_argument(
        "text",
        nargs="+",
        metavar="TEXT",
        help='a task or a command, as in: send "/git status"',
    )
    send.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="stay until the job has ended or this time is over (default: until it has ended)",
    )
    send.set_defaults(run=run_send)
    awake = commands.add_parser("awake", help="keep this machine awake for a while")
    awake.add_argument(
        "time",
        nargs="*",
        metavar="TIME",
        help="8h, 90m, until 18:00, or off; without it: what it is kept awake for",
    )
    awake.set_defaults(run=run_awake)
    login = commands.add_parser("login", help="a new link to the chat page, for you, once")
    login.set_defaults(run=run_login)
    for parser in (status, jobs, send, awake, login):
        add_config(parser)
    for parser in (status, jobs):
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`, for commands that need the settings but do not take them as their object."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}"
    )


def connect(config: Path) -> ControlClient:
    """A client for the daemon of these settings. Raises ConfigError."""
    from appliance.app.control_client import ControlClient
    from appliance.config import load

    settings = load(config)
    if settings.terminal is None:
        raise ConfigError(
            f"{config} has no [terminal] section, so dispatchctl cannot reach the daemon",
            hint="add [terminal], and unix = [UID] to a user",
        )
    return ControlClient(Path(settings.terminal.socket))


def run_status(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        report = client.ask("status")
    if arguments.json:
        print(json.dumps(report))
        return 0
    for line in _status_lines(report):
        print(line)
    return 0


def _status_lines(report: dict[str, Any]) -> Iterator[str]:
    yield f"{report['host']}: dispatch-appliance {report['version']}, up {report['up']}"
    running = ", ".join(f"job {number}" for number in report["running"]) or "nothing"
    yield f"running    {running}; {len(report['queued'])} queued"
    yield f"approvals  {report['waiting_approval']} waiting"
    yield f"isolation  {report['isolation']} (at least {report['minimum_isolation']})"
    for name, line in report["parts"].items():
        if line:
            yield f"{name:<10} {line}"


def run_jobs(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        jobs = client.ask("status")["jobs"]
    if arguments.json:
        print(json.dumps({"v": 1, "jobs": jobs}))
        return 0
    for job in jobs:
        print(
            f"{job['id']:>5}  {job['state'].replace('_', ' '):<16} {job['project']:<12} "
            f"{job['requester']:<10} {job['title'][:60]}"
        )
    if not jobs:
        print("no jobs yet")
    return 0


def run_send(arguments: argparse.Namespace) -> int:
    text = " ".join(arguments.text)
    with connect(arguments.config) as client:
        client.say(text)
        for post in client.posts(arguments.wait):
            if post["type"] == "progress":
                continue
            print(post["text"], end="\n\n", flush=True)
            if not _has_unfinished_jobs(arguments.config):
                break
    return 0


def run_awake(arguments: argparse.Namespace) -> int:
    """Said as in a chat, so that it is judged and recorded as everything else."""
    with connect(arguments.config) as client:
        client.say(" ".join(("/awake", *arguments.time)))
        answers = (post for post in client.posts(ANSWER_SECONDS) if post["type"] == "post")
        answer = next(answers, None)
    if answer is None:
        raise ChatUnavailable("dispatchd did not answer", hint="see how it is: dispatchctl doctor")
    print(answer["text"])
    return 0


def _has_unfinished_jobs(config: Path) -> bool:
    with connect(config) as client:
        report = client.ask("status")
    return bool(report["running"] or report["queued"])


def run_login(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        answer = client.ask("login")
    print(answer["link"])
    if sys.stdout.isatty():
        print("It opens the chat page once, within ten minutes.")
    return 0
