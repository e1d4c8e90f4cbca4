"""A new version meets the state; when it does not work, the old one finds what it had left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.packaging.image.modules import module

trial = module("dispatch_image.trial")


class Machine:
    """Its state partition."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.state = place / "dispatch"
        self.home.mkdir()
        self.state.mkdir(mode=0o700)

    def starts(self, version: str) -> Any:
        return trial.begin(version, self.home, self.state)

    @property
    def database(self) -> Path:
        return self.state / "state.db"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_version_keeps_nothing(machine: Machine) -> None:
    assert machine.starts("1") == "the first version on this machine"
    assert machine.starts("1") == "version 1, as before"
    assert not (machine.home / "kept").exists()


def test_what_a_failed_version_made_of_the_state_is_undone(machine: Machine) -> None:
    machine.starts("1")
    machine.database.write_text("schema 1")
    trial.await_start_of("2", machine.home)
    assert trial.waiting_version(machine.home) == "2"
    assert "kept as version 1 left it" in machine.starts("2")
    assert trial.waiting_version(machine.home) == ""
    machine.database.write_text("schema 2")
    assert machine.starts("2") == "version 2, as before"  # its second try
    assert "put back" in machine.starts("1")
    assert machine.database.read_text() == "schema 1"
    assert machine.state.stat().st_mode & 0o777 == 0o700
    assert trial.has_failed("2", machine.home)
    assert not trial.has_failed("3", machine.home)


def test_a_power_cut_while_it_is_put_back_does_no_harm(machine: Machine) -> None:
    machine.starts("1")
    machine.database.write_text("schema 1")
    machine.starts("2")
    machine.database.unlink()
    machine.state.rmdir()  # where it was cut off: the old is away, the copy not yet in its place
    machine.starts("1")
    assert machine.database.read_text() == "schema 1"


def test_a_version_that_worked_stays_though_an_older_one_is_started_later(
    machine: Machine,
) -> None:
    machine.starts("1")
    machine.starts("2")
    trial.shutil.rmtree(machine.home / "kept")  # what `trial end` does when dispatchd answers
    machine.database.write_text("schema 2")
    machine.starts("1")
    assert machine.database.read_text() == "schema 2"
