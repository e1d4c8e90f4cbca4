"""The life of the daemon: in process on small fakes, and as the program that systemd starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.app import daemon
from appliance.app.daemon import Daemon, Part
from appliance.core.events import DaemonStarted, Event
from appliance.errors import AuditUnavailable, StorageUnavailable
from appliance.ports import Ready, Receipt
from tests.fakes_audit import MemoryAudit
from tests.journeys.house import ALICE, ROOT, House

GRACE_SECONDS = 7.0


class Scene:
    """A daemon of fakes: `notes` has what happened, in order. `held` parts are not ready yet."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.audit = NotingAudit(self.notes)
        self.held: dict[str, asyncio.Event] = {}
        self.crashes: dict[str, asyncio.Event] = {}
        self.stop = asyncio.Event()
        self.watchdog_seconds: float | None = None
        self.is_alive: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()

    def note(self, what: str) -> None:
        self.notes.append(what)
        self._changed.set()

    async def until(self, what: str) -> None:
        async with asyncio.timeout(5):
            while what not in self.notes:
                self._changed.clear()
                await self._changed.wait()

    def part(self, name: str) -> Part:
        async def run(ready: Ready) -> None:
            self.note(f"{name} starts")
            if name in self.held:
                await self.held[name].wait()
            ready()
            try:
                await self.crashes.setdefault(name, asyncio.Event()).wait()
            finally:
                self.note(f"{name} ends")
            raise StorageUnavailable(f"{name} has crashed")

        return Part(name, run)

    def noting(self, what: str) -> Callable[[], Awaitable[None]]:
        async def note() -> None:
            self.note(what)

        return note

    def daemon(self) -> Daemon:
        return Daemon(
            services=[self.part(name) for name in ("outbox", "worker", "gate")],
            chats=[self.part(name) for name in ("telegram", "web")],
            worker=FakeWorker(self),  # type: ignore[arg-type]
            outbox=FakeOutbox(self),  # type: ignore[arg-type]
            audit=self.audit,
            manager=FakeManager(self),  # type: ignore[arg-type]
            start_events=[DaemonStarted(version="1", boot="b", isolation="none")],
            is_alive=lambda: self.is_alive(),
            grace_seconds=GRACE_SECONDS,
            when_ready=self.noting("announced"),
            reload=lambda: self.note("reload"),
            close=self.noting("closed"),  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The daemon runs; it has stopped by itself or is stopped when the block is left."""
        async with asyncio.TaskGroup() as group:
            group.create_task(daemon.run(self.daemon(), self.stop))
            yield
            self.stop.set()


class NotingAudit(MemoryAudit):
    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self._notes = notes

    async def append(self, *events: Event) -> Receipt:
        receipt = await super().append(*events)
        self._notes.extend(event.name for event in events)
        return receipt


class FakeWorker:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def drain(self, grace_seconds: float) -> None:
        assert grace_seconds == GRACE_SECONDS
        self._scene.note("worker drained")


class FakeOutbox:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def drained(self) -> None:
        self._scene.note("outbox drained")


class FakeManager:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.watchdog_seconds = scene.watchdog_seconds

    def ready(self) -> None:
        self._scene.note("READY")

    def stopping(self) -> None:
        self._scene.note("STOPPING")

    def alive(self) -> None:
        self._scene.note("WATCHDOG")


async def test_parts_start_one_after_the_other_and_ready_is_said_last() -> None:
    scene = Scene()
    scene.held = {"worker": asyncio.Event(), "web": asyncio.Event()}
    async with scene.running():
        await scene.until("worker starts")
        assert scene.notes == ["daemon.started", "outbox starts", "worker starts"]
        scene.held["worker"].set()
        await scene.until("web starts")
        assert scene.notes[3:] == ["gate starts", "telegram starts", "web starts"]
        scene.held["web"].set()
        await scene.until("announced")
        assert scene.notes[6:] == ["READY", "announced"]


async def test_it_stops_backwards_chats_first_and_the_log_last() -> None:
    scene = Scene()
    async with scene.running():
        await scene.until("announced")
        before = len(scene.notes)
    assert scene.notes[before:] == [
        "STOPPING",
        "daemon.stopping",
        "telegram ends",
        "web ends",
        "worker drained",
        "gate ends",
        "worker ends",
        "outbox drained",
        "outbox ends",
        "daemon.stopped",
        "closed",
    ]


@pytest.mark.parametrize("crashing", ["outbox", "gate", "telegram"])
async def test_a_part_that_crashes_ends_the_daemon_with_its_error(crashing: str) -> None:
    scene = Scene()
    with pytest.RaisesGroup(
        pytest.RaisesExc(StorageUnavailable, match=f"{crashing} has crashed"),
        flatten_subgroups=True,
    ):
        async with scene.running():
            await scene.until("READY")
            scene.crashes[crashing].set()
    assert sum(note.endswith(" ends") for note in scene.notes) == 5
    assert scene.notes[-1] == "closed"
    assert "daemon.stopped" not in scene.notes


async def test_a_part_that_crashes_at_its_start_keeps_the_next_ones_from_starting() -> None:
    scene = Scene()
    crashed = scene.crashes["worker"] = asyncio.Event()
    crashed.set()
    scene.held = {"gate": asyncio.Event()}
    with pytest.RaisesGroup(StorageUnavailable, flatten_subgroups=True):
        async with scene.running():
            await scene.until("closed")
    assert "telegram starts" not in scene.notes
    assert "READY" not in scene.notes


async def test_nothing_starts_when_the_start_cannot_be_recorded() -> None:
    scene = Scene()
    scene.audit.fail()
    with pytest.RaisesGroup(AuditUnavailable, flatten_subgroups=True):
        async with scene.running():
            await scene.until("closed")
    assert scene.notes == ["closed"]


async def test_it_stops_as_well_when_the_stop_cannot_be_recorded() -> None:
    scene = Scene()
    async with scene.running():
        await scene.until("announced")
        scene.audit.fail()
    assert scene.notes[-2:] == ["outbox ends", "closed"]


async def test_the_watchdog_is_fed_only_while_the_database_answers() -> None:
    def dead() -> None:
        raise StorageUnavailable("the database is gone")

    scene = Scene()
    scene.watchdog_seconds = 0.001
    with pytest.RaisesGroup(StorageUnavailable, flatten_subgroups=True):
        async with scene.running():
            await scene.until("WATCHDOG")
            scene.is_alive = dead
            await scene.until("closed")


# --- the program


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Its `/test` waits for somebody to write to the pipe."""
    async with House(tmp_path, None) as house:
        (house.project / "Makefile").write_text("test:\n\t@cat pipe\n")
        os.mkfifo(house.project / "pipe")
        yield house


async def test_work_that_ends_in_time_is_answered_before_the_daemon_is_gone(house: House) -> None:
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 1 started")
    assert house.daemon is not None
    house.daemon.terminate()
    await house.reads("The appliance is stopping. Job 1 gets a moment to finish.")
    await asyncio.to_thread((house.project / "pipe").write_text, "all passed\n")
    assert await house.daemon.wait() == 0
    assert "all passed" in "\n".join(house.texts())
    await house.reads("Job 1 ✓ done")
    assert house.kinds()[-2:] == ["daemon.stopped", "key.rotated"]


async def test_work_that_goes_on_too_long_is_interrupted_and_told_after_the_restart_at_the_latest(
    house: House,
) -> None:
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 1 started")
    house.tg.fail("sendMessage", 429, retry_after=60)
    assert await house.stop() == 0
    assert "interrupted" not in "\n".join(house.texts())
    await house.start()
    await house.reads("Job 1 was interrupted")
    await house.reads("Job 1 interrupted")
    house.tg.user_says(ALICE, "/status")
    await house.reads("running 0 of")
    texts = house.texts()
    assert [text.split(".")[0] for text in texts[1:3]] == [
        "The appliance is stopping",
        "Job 1 was interrupted: the appliance stopped while it ran",
    ]
    assert len(texts) == 4
    assert house.kinds().count("job.interrupted") == 1


async def test_a_second_daemon_on_the_same_state_is_refused(house: House) -> None:
    second = dispatchd(house.home / "dispatch.toml")
    assert second.returncode == 74
    error, hint = second.stderr.splitlines()
    assert error == f"dispatchd: error: another dispatchd is already using {house.home}/state"
    assert hint.startswith("dispatchd: hint: stop it first")
    house.tg.user_says(ALICE, "/status")
    await house.reads("dispatch-appliance")


def test_every_mistake_in_the_settings_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    file.write_text('[daemon]\nstate = 7\nmax_paralel = 2\n[users.me]\n[projects.x]\npath = "no"\n')
    refused = dispatchd(file)
    assert refused.returncode == 78
    assert f"{file}:2:1: " in refused.stderr
    assert f"{file}:3:1: " in refused.stderr
    assert f"{file}:6:1: " in refused.stderr
    assert "max_parallel" in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_every_mistake_in_the_policy_is_told_at_once(house: House) -> None:
    await house.stop()
    (house.home / "policies/more.csv").write_text("p, me, demo, chat\ng, nobody, owner, x, y\n")
    refused = dispatchd(house.home / "dispatch.toml")
    assert refused.returncode == 78
    assert "more.csv:1:1: " in refused.stderr
    assert "more.csv:2:1: " in refused.stderr
    assert "Traceback" not in refused.stderr


def dispatchd(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance.app.dispatchd", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_sighup_reloads_and_stops_nothing() -> None:
    scene = Scene()
    async with scene.running():
        await scene.until("announced")
        os.kill(os.getpid(), signal.SIGHUP)
        await scene.until("reload")
        assert "STOPPING" not in scene.notes
