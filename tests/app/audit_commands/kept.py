"""Settings with a log that nobody keeps at the moment, for commands that administer it."""

from __future__ import annotations

from pathlib import Path

from appliance.core.events import Event
from tests.audit.logs import allowed, queued, write
from tests.fakes import FakeClock

DAY_SECONDS = 24 * 3600
FIRST_DAY = 1_800_000_000_000  # the 15th of January 2027


def settings(tmp_path: Path) -> Path:
    """The settings file. Record 2 has a private value `input`; one record each day after it."""
    (tmp_path / "demo").mkdir()
    file = tmp_path / "dispatch.toml"
    file.write_text(
        f'[daemon]\nstate = "{tmp_path}/state"\n[web]\n[users.anna]\nweb = true\n'
        f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    )
    clock = FakeClock(FIRST_DAY)
    commits: list[list[Event]] = [[allowed(1)], [queued(1)], [queued(2)]]
    for events in commits:
        write(tmp_path / "state/audit", [events], clock)
        clock.advance(DAY_SECONDS)
    return file


def log_of(tmp_path: Path) -> Path:
    return tmp_path / "state/audit/audit.db"
