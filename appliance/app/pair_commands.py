"""`dispatchctl pair` and `dispatchctl users`: whose accounts are heard."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.control_commands import add_config, connect
from appliance.app.lines import fitted
from appliance.errors import ChatUnavailable, ConfigError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.app.control_client import ControlClient

NOT_PAIRED_STATUS = 1
PATIENCE_SECONDS = 60.0
"""So long a daemon that is being restarted is waited for: the code outlives it."""
PAUSE_SECONDS = 1.0

WHY_NOT = {
    "expired": "nobody used the code in time",
    "guessed_at": "too many wrong codes were tried, so this one was blocked",
    "exposed": "the code was written in a group, where others read it, so it was blocked",
    "withdrawn": "the code was taken back",
}


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang the commands into dispatchctl; the chosen function is in `arguments.run`."""
    pair = commands.add_parser("pair", help="let a phone in: a one-time code for a user")
    pair.add_argument("user", metavar="USER", help="a user of dispatch.toml")
    pair.add_argument("--png", type=Path, metavar="FILE", help="the QR code as a picture, too")
    pair.add_argument(
        "--json",
        action="store_true",
        help="answer as JSON, at once: the code and its link, for whoever hands them on",
    )
    pair.set_defaults(run=run_pair)
    users = commands.add_parser("users", help="everybody with their accounts; unpair some")
    actions = users.add_subparsers(dest="action", required=True, metavar="ACTION")
    lister = actions.add_parser("list", help="users, their accounts, and the groups we work in")
    lister.set_defaults(run=run_list)
    remover = actions.add_parser("remove", help="do not hear a paired account any more")
    remover.add_argument(
        "user", metavar="USER[:ACCOUNT]", help="all accounts of a user, or one, such as alice:4711"
    )
    remover.set_defaults(run=run_remove)
    for parser in (pair, lister, remover):
        add_config(parser)
    for parser in (lister, remover):
        parser.add_argument("--json", action="store_true", help="answer as JSON")


# --- pairing


def run_pair(arguments: argparse.Namespace) -> int:
    if arguments.json:
        return _open(arguments.config, arguments.user, arguments.png)
    return pair(arguments.config, arguments.user, arguments.png)


def _open(config: Path, user: str, png: Path | None) -> int:
    """Tell the code to a program, and wait for nothing."""
    from appliance.app import qr

    with connect(config) as client:
        opened = client.ask("pair", user=user)
    if png is not None:
        qr.write_png(opened["link"], png)
    told = {key: opened[key] for key in ("user", "code", "link", "left_seconds", "id")}
    print(json.dumps({"v": 1, **told}))
    return 0


def pair(config: Path, user: str, png: Path | None = None) -> int:
    """Show a code for a user and wait for what comes of it; the exit status."""
    with connect(config) as client:
        opened = client.ask("pair", user=user)
    for line in _invitation(opened, png):
        print(line, flush=True)
    try:
        settled = _awaited(config, opened)
    except KeyboardInterrupt:
        with connect(config) as client:
            client.ask("withdraw", id=opened["id"])
        _overwrite("")
        print("The code was taken back; nobody was paired.")
        return 130
    _overwrite("")
    print(fitted(_outcome(settled)))
    return 0 if settled["state"] == "used" else NOT_PAIRED_STATUS


def _invitation(opened: dict[str, Any], png: Path | None) -> Iterator[str]:
    from appliance.app import qr

    link = opened["link"]
    yield fitted(f"Pairing {opened['user']}. Scan this with the phone, or open the link there:")
    yield ""
    if sys.stdout.isatty():
        if qr.width(link) <= shutil.get_terminal_size().columns:
            yield from qr.terminal_lines(link)
        else:
            yield fitted("(Too narrow here for the QR code; --png FILE makes a picture.)")
        yield ""
    yield link
    yield ""
    if png is not None:
        qr.write_png(link, png)
        yield fitted(f"The QR code is in {png}; remove it afterwards.")
    yield fitted("Then press Start. It works once, within 10 minutes.")
    yield fitted(f"Whoever is first is {opened['user']}: show it to nobody else.")


def _awaited(config: Path, opened: dict[str, Any]) -> dict[str, Any]:
    """What the code has become; until then the time that is left is shown."""
    given_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with connect(config) as client:
                for found in _answers(client, opened["id"]):
                    given_up_at = time.monotonic() + PATIENCE_SECONDS
                    if found["state"] != "open":
                        return found
                    _show_wait(found)
        except ChatUnavailable:
            if time.monotonic() > given_up_at:
                raise
            _overwrite("dispatchd is away; the code holds when it is back")
            time.sleep(PAUSE_SECONDS)


def _answers(client: ControlClient, pairing: str) -> Iterator[dict[str, Any]]:
    while True:
        yield client.ask("pairing", id=pairing)


def _show_wait(found: dict[str, Any]) -> None:
    left = max(0, int(found["left_seconds"]))
    wrong = f", wrong codes: {found['wrong_tries']}" if found["wrong_tries"] else ""
    _overwrite(f"{left // 60}:{left % 60:02} left{wrong} (Ctrl-C: stop)")


def _outcome(settled: dict[str, Any]) -> str:
    user = settled["user"]
    if settled["state"] != "used":
        why = WHY_NOT.get(settled["state"], settled["state"])
        return f"Not paired: {why}.\nTry again: dispatchctl pair {user}"
    _, _, number = settled["account"].partition(":")
    called = f", who calls themselves “{settled['called']}”" if settled["called"] else ""
    return (
        f"Paired: {user} is now Telegram account {number}{called}.\n"
        f"Not the right one? dispatchctl users remove {user}:{number}"
    )


def _overwrite(line: str) -> None:
    """One line that changes, where somebody looks; a log of it would help nobody."""
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        print(f"\r\x1b[K{line[: columns - 1]}", end="", flush=True)


# --- users


def run_list(arguments: argparse.Namespace) -> int:
    with connect(arguments.config) as client:
        found = client.ask("users")
    if arguments.json:
        print(json.dumps({"v": 1, **found}))
        return 0
    for line in _listed(found):
        print(line)
    return 0


def _listed(found: dict[str, Any]) -> Iterator[str]:
    for user, accounts in found["users"].items():
        yield user
        if not accounts:
            yield f"  nothing yet; to pair a phone: dispatchctl pair {user}"
        yield from (f"  {_account(account)}" for account in accounts)
    for user, accounts in found["unknown"].items():
        yield f"{user} (not in dispatch.toml any more, so not heard)"
        yield from (f"  {_account(account)}" for account in accounts)
    if found["places"]:
        yield "groups"
    for place in found["places"]:
        yield f"  {place['place']}, paired by {place['by']} on {_day(place['at'])}"


def _account(account: dict[str, Any]) -> str:
    if account["from"] == "settings":
        return f"{account['account']}, from dispatch.toml"
    called = f" “{account['called']}”" if account["called"] else ""
    return f"{account['account']}{called}, paired by {account['by']} on {_day(account['at'])}"


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at / 1000))


def run_remove(arguments: argparse.Namespace) -> int:
    user, _, account = arguments.user.partition(":")
    if not user or (":" in arguments.user and not account):
        raise ConfigError("whose account?", hint="name a user, or USER:ACCOUNT")
    with connect(arguments.config) as client:
        words = {"user": user, **({"account": account} if account else {})}
        removed = client.ask("unpair", **words)["removed"]
    if arguments.json:
        print(json.dumps({"v": 1, "removed": removed}))
        return 0
    for each in removed:
        print(f"{each} is not {user} any more")
    return 0
