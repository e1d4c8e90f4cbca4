"""Keep-awake against a real logind, D-Bus and polkit, with the rule that we ship."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.host.inhibit import IDLE_SHORTFALL
from tests.journeys.house import ALICE, House
from tests.system.namespaces import USER, Machine, booted, require

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
RULE = ROOT / "packaging/polkit/50-dispatch-appliance.rules"
INSTALLED = {"usr/share/polkit-1/rules.d/50-dispatch-appliance.rules": RULE.read_text()}
LEASE_SECONDS = 1.0
PATIENCE_SECONDS = 30.0

HOLDER = """
import asyncio, sys
from appliance.host.inhibit import of_this_machine

async def main(lid, lease_seconds):
    machine = of_this_machine(lid=lid, lease_seconds=lease_seconds, platform="linux")
    holds = []
    for line in sys.stdin:
        match line.split(maxsplit=1):
            case ["hold", why]:
                holds.append(await machine.hold(why.strip()))
                print(f"{machine.means}|{holds[-1].shortfall}", flush=True)
            case ["release"]:
                await holds.pop(0).release()
                print("released", flush=True)

asyncio.run(main(sys.argv[1] == "lid", float(sys.argv[2])))
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """A line of `systemd-inhibit --list`."""

    who: str
    user: str
    what: str
    why: str
    mode: str


def locks(machine: Machine) -> list[Lock]:
    """Ours, by the machine's own command."""
    columns = ("WHO", "UID", "USER", "PID", "COMM", "WHAT", "WHY", "MODE")
    head, *lines = machine.run("systemd-inhibit", "--list", "--no-pager").splitlines()
    if head == "No inhibitors.":
        return []
    starts = [head.index(column) for column in columns]
    ends = [*starts[1:], None]
    found = []
    for line in lines:
        cells = [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        named = dict(zip(columns, cells, strict=True))
        if named["WHO"] == "dispatch-appliance":
            found.append(Lock(*(named[c] for c in ("WHO", "USER", "WHAT", "WHY", "MODE"))))
    return found


async def until(machine: Machine, *whys: str) -> list[Lock]:
    """Returns once exactly these reasons, each a regular expression, are listed."""
    found: list[Lock] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = await asyncio.to_thread(locks, machine)
                if len(found) == len(whys) and all(map(re.fullmatch, whys, _reasons(found))):
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"wanted {whys}, listed is {found}") from None


def _reasons(found: list[Lock]) -> list[str]:
    return [lock.why for lock in found]


def inner(process: int) -> int | None:
    """The process of the machine's that this one has let in."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(children[0]) if children else None


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """As installed: our rule is where the package puts it."""
    require()
    with booted(INSTALLED) as machine:
        yield machine


@dataclass
class Holder:
    """A process of the machine's that holds it awake with our code, as user `dispatch`."""

    process: subprocess.Popen[str]
    pid: int  # as it is seen from here; `process` is the way in

    def asks(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@asynccontextmanager
async def holder(
    machine: Machine, *, lid: bool = False, lease_seconds: float = 60.0
) -> AsyncIterator[Holder]:
    program = (sys.executable, "-c", HOLDER, "lid" if lid else "", str(lease_seconds))
    with subprocess.Popen(
        [*machine.as_user(machine.uid(USER)), *program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        while (pid := inner(process.pid)) is None:
            await asyncio.sleep(0.01)
        try:
            yield Holder(process, pid)
        finally:
            process.kill()
    await until(machine)


async def test_who_and_what_for_is_listed(machine: Machine) -> None:
    async with holder(machine) as held:
        assert held.asks("hold jobs 12, 13") == "logind|"
        assert locks(machine) == [
            Lock("dispatch-appliance", USER, "sleep:idle", "jobs 12, 13", "block")
        ]
        assert held.asks("release") == "released"
        assert locks(machine) == []


async def test_the_lid_is_held_when_opted_in(machine: Machine) -> None:
    async with holder(machine, lid=True) as held:
        assert held.asks("hold job 1") == "logind|"
        assert [lock.what for lock in locks(machine)] == ["sleep:idle:handle-lid-switch"]


async def test_logind_blocks_a_suspend_meanwhile(machine: Machine) -> None:
    question = ("get-property", "org.freedesktop.login1", "/org/freedesktop/login1")
    property_ = ("org.freedesktop.login1.Manager", "BlockInhibited")
    async with holder(machine) as held:
        held.asks("hold job 1")
        assert machine.run("busctl", *question, *property_) == 's "sleep:idle"\n'
        held.asks("release")
        assert machine.run("busctl", *question, *property_) == 's ""\n'


async def test_the_new_reason_is_there_before_the_old_one_goes(machine: Machine) -> None:
    async with holder(machine) as held:
        held.asks("hold job 12")
        held.asks("hold jobs 12, 13")
        assert len(locks(machine)) == 2
        held.asks("release")
        assert [lock.why for lock in locks(machine)] == ["jobs 12, 13"]


async def test_a_killed_daemon_lets_go(machine: Machine) -> None:
    async with holder(machine) as held:
        held.asks("hold job 1")
        os.kill(held.pid, signal.SIGKILL)
        await until(machine)


async def test_a_daemon_that_hangs_lets_go(machine: Machine) -> None:
    async with holder(machine, lease_seconds=LEASE_SECONDS) as held:
        held.asks("hold job 1")
        os.kill(held.pid, signal.SIGSTOP)
        await until(machine)


async def test_logind_may_be_restarted_meanwhile(machine: Machine) -> None:
    async with holder(machine) as held:
        held.asks("hold job 1")
        machine.run("systemctl", "restart", "systemd-logind")
        assert [lock.why for lock in locks(machine)] == ["job 1"]
        held.asks("release")
        await until(machine)


async def test_without_our_rule_only_idling_is_held_and_that_is_said() -> None:
    require()
    with booted({}) as machine:
        async with holder(machine) as held:
            assert held.asks("hold job 1") == f"logind|{IDLE_SHORTFALL}"
            assert [lock.what for lock in locks(machine)] == ["idle"]


@pytest.mark.parametrize(
    ("user", "what", "is_allowed"),
    [
        (USER, "sleep", True),
        (USER, "idle", True),
        (USER, "handle-lid-switch", True),
        (USER, "sleep:idle", True),
        (USER, "shutdown", False),
        (USER, "handle-power-key", False),
        (USER, "handle-suspend-key", False),
        ("nobody", "sleep", False),
        ("nobody", "sleep:idle", False),
    ],
)
def test_our_rule_is_for_our_user_and_for_sleep_alone(
    machine: Machine, user: str, what: str, is_allowed: bool
) -> None:
    asked = subprocess.run(
        [
            *(*machine.as_user(machine.uid(user)), "systemd-inhibit"),
            *(f"--what={what}", "--mode=block", "true"),
        ],
        capture_output=True,
        text=True,
    )
    assert (asked.returncode == 0) is is_allowed, asked.stderr
    assert is_allowed or "Failed to inhibit: " in asked.stderr


def test_the_real_ones_keep_the_promises_of_the_port(machine: Machine) -> None:
    contract = ROOT / "tests/contracts/test_inhibitor.py"
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "logind or real", "-rA")
    done = subprocess.run(
        [
            *(*machine.as_user(machine.uid(USER)), "DISPATCH_TEST_LOGIND=1"),
            *(sys.executable, "-m", "pytest", *options, str(contract)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^PASSED", done.stdout, re.MULTILINE)) == 12, done.stdout


# --- the whole daemon


@asynccontextmanager
async def house(machine: Machine, home: Path) -> AsyncIterator[House]:
    within = machine.as_user(machine.uid(USER))
    async with House(home, None, awake=True, within=within) as house:
        yield house


async def recorded(home: House, holds: int) -> None:
    """The lock is there first, then its record: a stop in between would leave neither."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await asyncio.to_thread(home.kinds)).count("wake.held") < holds:
            await asyncio.sleep(0.05)


async def test_the_daemon_holds_as_told_and_lets_go_when_killed(
    machine: Machine, tmp_path: Path
) -> None:
    asked = r"until \d\d:\d\d for me"
    async with house(machine, tmp_path) as home:
        home.tg.user_says(ALICE, "/awake 1h")
        (held,) = await until(machine, asked)
        assert (held.user, held.what) == (USER, "sleep:idle")
        home.tg.user_says(ALICE, "/awake off")
        await until(machine)

        home.tg.user_says(ALICE, "/deploy prod")
        await home.reads("May this run?")
        await until(machine, "job 1")
        home.press("Deny")
        await until(machine, "a job has just ended")

        home.tg.user_says(ALICE, "/awake 1h")
        await until(machine, f"a job has just ended; {asked}")
        await home.kill()
        await until(machine)
        await home.start()
        await until(machine, asked)
        await recorded(home, 3)
        assert home.daemon is not None
        daemon = inner(home.daemon.pid)
        assert daemon is not None
        os.kill(daemon, signal.SIGTERM)
        assert await home.daemon.wait() == 0
        await until(machine)
        records = [r for r in home.records() if r["kind"].startswith("wake.")]
        assert [(r["kind"], r["d"]["reason"].partition(" ")[0]) for r in records] == [
            ("wake.held", "until"),
            ("wake.released", "nothing"),
            ("wake.held", "job"),
            ("wake.held", "until"),  # killed, it could not record that it let go
            ("wake.released", "the"),
        ]
