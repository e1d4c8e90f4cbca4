"""Five people and an automation try the same thirty things; what they may is a table to read.

    DISPATCH_GOLDEN=write pytest tests/journeys/test_team.py     writes team_verdicts.txt anew

Everything is real but the far sides: a dispatchd, its chat page, its terminal, its log, from which
the verdicts are read. The agent is a stub that tries its calls. Erin, a lead, answers from her
page whatever is asked of leads: no.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from appliance.app.control_client import ControlClient
from appliance.chat.web.login import Sessions
from appliance.core.model import UserName
from appliance.host.clock import SystemClock
from tests.journeys.house import PATIENCE_SECONDS, ROOT, TOKEN, House

GOLDEN = Path(__file__).with_name("team_verdicts.txt")
TELEGRAM = {"vera": 101, "dan": 102, "lea": 103, "olga": 104}
ON_CALL = "erin"
ROLE_OF = {
    "vera": "viewer",
    "dan": "dev",
    "lea": "lead",
    "olga": "owner",
    "nightly": "automation",
}

USERS = """
[web]
port = {port}
[terminal]
socket = "{home}/control.sock"
[users.vera]
telegram = [101]
web = true
[users.dan]
telegram = [102]
web = true
[users.lea]
telegram = [103]
web = true
[users.olga]
telegram = [104]
web = true
[users.erin]
web = true
[users.nightly]
automation = true
unix = [{uid}]
[projects.demo]
path = "{home}/project"
"""

ROLES = """\
g, vera,    viewer
g, dan,     dev
g, lea,     lead
g, erin,    lead
g, olga,    owner
g, nightly, robot
g, owner,   lead
g, lead,    dev
g, dev,     viewer
"""

RULES = """\
p, viewer, *,    chat, /status|/jobs|/project|/help|/why|/ask, allow
p, viewer, *,    chat, /git **,         allow
p, viewer, demo, read, **,              allow
p, dev,    demo, chat, /run|/stop|/resume|/new|/deny|/test **, allow
p, dev,    demo, chat, /deploy staging, allow
p, dev,    demo, chat, /deploy prod,    approve, by=lead*2 ttl=30m via=web
p, dev,    demo, write, src/**,         allow
p, dev,    demo, write, infra/**,       approve, by=lead
p, dev,    demo, bash, git status|log|diff **, allow
p, dev,    demo, bash, git push origin main,   approve, by=lead
p, dev,    demo, web,  *.python.org,    allow, rate=60/h
p, lead,   *,    chat, /approve,        allow
p, owner,  *,    chat, **,              allow
p, owner,  demo, bash, rm **,           approve, by=lead
p, robot,  demo, chat, /test|/run|/git **, allow
p, robot,  demo, read, **,              allow
p, robot,  demo, bash, git status,      allow
p, *,      *,    bash, git push --force **, deny
"""

SAID = (
    "/status", "/help", "/project", "/why", "/git status", "/git log", "/test", "/deploy staging",
    "/deploy prod", "/stop", "/new", "/approve bcdfghjkmn", "/deny bcdfghjkmn", "/resume 999",
    "/ask what is it", "/run try",
)  # fmt: skip
TRIES = "/run try"


def tried(project: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """What the agent tries in the task "try", with the words of the table for it."""

    def write(name: str) -> tuple[str, dict[str, str]]:
        return "Write", {"file_path": str(project / name), "content": "x\n"}

    def bash(line: str) -> tuple[str, dict[str, str]]:
        return "Bash", {"command": line}

    lines = (
        "git status",
        "git push origin main",
        "git push --force origin main",
        "rm -rf build",
        "git status; rm -rf /",
    )
    return {
        "read README.md": ("Read", {"file_path": str(project / "README.md")}),
        "read .env": ("Read", {"file_path": str(project / ".env")}),
        "read /etc/passwd": ("Read", {"file_path": "/etc/passwd"}),
        "write src/app.py": write("src/app.py"),
        "write infra/main.tf": write("infra/main.tf"),
        "write .git/config": write(".git/config"),
        **{f"bash {line}": bash(line) for line in lines},
        "fetch docs.python.org": (
            "WebFetch",
            {"url": "https://docs.python.org/3/", "prompt": "read"},
        ),
        "fetch example.com": ("WebFetch", {"url": "https://example.com/", "prompt": "read"}),
        "mcp github merge": ("mcp__github__merge", {"number": "1"}),
    }


class Team(House):
    """A house for a team, with everybody's pages."""

    def __init__(self, home: Path, program: Path, port: int) -> None:
        super().__init__(home, program, walled=False)
        self.port = port
        self._sessions: dict[str, str] = {}

    def _settings(self) -> str:
        text = super()._settings()
        begin, end = text.index("[terminal]"), text.index("[audit]")
        people = USERS.format(home=self.home, port=self.port, uid=os.getuid())
        return text[:begin] + people + text[end:]

    def _furnish(self) -> None:
        super()._furnish()
        policies = self.home / "policies"
        (policies / "roles.csv").write_text(ROLES)
        (policies / "rules.csv").write_text(RULES)
        commands = (policies / "commands.toml").read_text().replace("approval = true", "")
        (policies / "commands.toml").write_text(commands)
        deploy = self.project / "deploy"
        deploy.write_text("#!/bin/sh\n")
        deploy.chmod(0o755)
        author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        self._git(*author, "commit", "--quiet", "--allow-empty", "-m", "begin")
        state = self.home / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        sessions = Sessions(state / "web-sessions.json", SystemClock())
        self._sessions = {user: sessions.open(UserName(user)) for user in (*TELEGRAM, ON_CALL)}

    @asynccontextmanager
    async def page(self, user: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        base = f"http://127.0.0.1:{self.port}"
        cookies = {f"dispatch_{self.port}": self._sessions[user]}
        jar = aiohttp.CookieJar(unsafe=True)  # aiohttp's word for cookies of an IP address
        async with (
            aiohttp.ClientSession(base, cookie_jar=jar, headers={"Origin": base}) as client,
            client.ws_connect("/socket", headers={"Cookie": "; ".join(_pairs(cookies))}) as socket,
        ):
            yield socket


def _pairs(cookies: Mapping[str, str]) -> Iterator[str]:
    return (f"{name}={value}" for name, value in cookies.items())


# --- saying things


def over_telegram(house: Team, user: str) -> dict[str, str]:
    """Says everything; what was said, with the message's key."""
    bot = TOKEN.partition(":")[0]
    return {text: f"telegram:{bot}:{house.tg.user_says(TELEGRAM[user], text)}" for text in SAID}


async def over_the_page(house: Team, user: str) -> dict[str, str]:
    keys = {}
    async with house.page(user) as socket:
        for number, text in enumerate(SAID):
            say_id = f"said-{user}-{number:03}"
            await socket.send_json({"type": "say", "id": say_id, "text": text})
            keys[text] = f"web:{user}:{say_id}"
            await _frame(socket, lambda frame, i=say_id: frame.get("id") == i)  # type: ignore[misc]
    return keys


def at_the_terminal(house: Team) -> dict[str, str]:
    keys = {}
    with ControlClient(house.home / "control.sock") as client:
        for text in SAID:
            before = {r["d"]["key"] for r in house.records() if r["kind"] == "message.received"}
            client.say(text)
            keys[text] = _new_key(house, before)
    return keys


def _new_key(house: Team, before: set[str]) -> str:
    for _ in range(100):
        keys = {r["d"]["key"] for r in house.records() if r["kind"] == "message.received"}
        if new := keys - before:
            return str(new.pop())
    raise AssertionError("what was said at the terminal is not in the log")


async def _frame(
    socket: aiohttp.ClientWebSocketResponse, is_it: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = await socket.receive_json(timeout=PATIENCE_SECONDS)
        if is_it(frame):
            return frame


async def say_no(house: Team, is_open: asyncio.Event) -> None:
    """Erin's page: denies every call that an agent asks about."""
    async with house.page(ON_CALL) as socket:
        await socket.send_json({"type": "say", "id": "erin-is-here", "text": "/status"})
        await _frame(socket, lambda frame: "isolation" in frame.get("text", ""))
        is_open.set()
        while True:
            frame = await _frame(socket, lambda f: "May this run?" in f.get("text", ""))
            token = frame["buttons"][0][1]["token"]
            click = {"type": "click", "id": f"no-{token[2:]}", "token": token}
            await socket.send_json(click)


# --- what became of it


def verdict(records: Sequence[dict[str, Any]], key: str, request: str) -> str:
    """ "allowed", "denied", or who is asked. `request`: a call of the job, or "job"."""
    about = [record for record in records if key in record["cause"]]
    for record in about:
        if record["kind"] == "approval.asked" and record["d"]["request"] == request:
            asked, people = " or ".join(record["d"]["by"]), int(record["d"]["people"])
            return f"asks {people} {asked}" if people > 1 else f"asks {asked}"
    for record in about:
        is_calls = any(cause.startswith("toolu_") for cause in record["cause"])
        is_this = request in record["cause"] if request != "job" else not is_calls
        if is_this and record["kind"] in ("request.allowed", "request.denied"):
            return str(record["kind"]).removeprefix("request.")
    return "–"


def column(
    records: Sequence[dict[str, Any]], keys: Mapping[str, str], calls: Sequence[str]
) -> dict[str, str]:
    said = {text: verdict(records, key, "job") for text, key in keys.items()}
    return said | {
        call: verdict(records, keys[TRIES], f"toolu_{number}") for number, call in enumerate(calls)
    }


def is_settled(records: Sequence[dict[str, Any]], count: int) -> bool:
    """Everything said was decided about, and every job that was let in has ended."""
    kinds = [record["kind"] for record in records]
    decided = {r["cause"][0] for r in records if r["kind"].startswith("request.") and r["cause"]}
    queued = kinds.count("job.queued")
    ended = sum(kinds.count(f"job.{how}") for how in ("finished", "failed", "cancelled"))
    return len(decided) >= count and ended >= queued


async def settled(house: Team, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(2 * PATIENCE_SECONDS):
        while not is_settled(records := await asyncio.to_thread(house.records), count):
            await asyncio.sleep(0.05)
    return records


def table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """Where Telegram and the page differ: "on Telegram / on the page"."""
    rows = [["", *(f"{user}, {ROLE_OF[user]}" for user in columns)]]
    rows += [[thing, *(cells[thing] for cells in columns.values())] for thing in _things(columns)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)
    return HEAD + "\n".join(lines) + "\n"


def _things(columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    return list(next(iter(columns.values())))


HEAD = """\
Who may what, as tests/journeys/test_team.py found it: the rules are in that file. "a / b": a on
Telegram, b on the chat page. The automation is at the terminal. A "–": no task, so no agent.

"""


def both(telegram: Mapping[str, str], page: Mapping[str, str]) -> dict[str, str]:
    return {
        thing: there if there == page[thing] else f"{there} / {page[thing]}"
        for thing, there in telegram.items()
    }


async def test_what_a_team_may_is_what_the_table_says(tmp_path: Path) -> None:
    things = tried(tmp_path / "project")
    (tmp_path / "calls.json").write_text(json.dumps(list(things.values())))
    program = tmp_path / "claude"
    stub = ROOT / "tests/journeys/team_stub.py"
    arguments = f"{tmp_path}/calls.json {tmp_path}/project"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {stub} {arguments} "$@"\n')
    program.chmod(0o755)
    columns: dict[str, dict[str, str]] = {}
    async with Team(tmp_path, program, _free_port()) as house, asyncio.TaskGroup() as group:
        is_open = asyncio.Event()
        erin = group.create_task(say_no(house, is_open))
        await is_open.wait()
        count = 1
        for user in TELEGRAM:
            on_telegram = over_telegram(house, user)
            await settled(house, count := count + len(SAID))
            on_page = await over_the_page(house, user)
            records = await settled(house, count := count + len(SAID))
            calls = list(things)
            columns[user] = both(
                column(records, on_telegram, calls), column(records, on_page, calls)
            )
        at_terminal = await asyncio.to_thread(at_the_terminal, house)
        records = await settled(house, count + len(SAID))
        columns["nightly"] = column(records, at_terminal, list(things))
        erin.cancel()
        found = table(columns)
        assert "intact" in house.verify()
    if os.getenv("DISPATCH_GOLDEN") == "write":
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()
    assert len(SAID) + len(things) == 30


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
