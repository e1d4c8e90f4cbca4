"""The strongest wall is found, and one that is too weak is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import ISOLATION_ORDER, Isolation
from appliance.errors import SandboxRefused
from appliance.task.projects import Projects
from appliance.task.sandbox import Wall, chosen, probe
from tests.grounds import HAS_LANDLOCK

NOTHING = Wall(Isolation.NONE, "bubblewrap is not installed")
BEST = Wall(Isolation.BUBBLEWRAP)
PROJECTS = Projects({"web": "/srv/web"}, home="/srv/home")
WITHOUT_BUBBLEWRAP = Isolation.LANDLOCK if HAS_LANDLOCK else Isolation.NONE


def test_a_wall_that_is_too_weak_is_refused_with_the_reason() -> None:
    with pytest.raises(SandboxRefused, match="has none: bubblewrap is not installed"):
        chosen(NOTHING, Isolation.LANDLOCK, PROJECTS)


def test_the_strongest_wall_is_chosen_even_if_less_would_do() -> None:
    assert chosen(BEST, Isolation.NONE, PROJECTS) == BEST
    assert chosen(NOTHING, Isolation.NONE, PROJECTS) == NOTHING


def test_every_wall_is_enough_for_itself_and_for_less_and_for_nothing_more() -> None:
    for place, built in enumerate(ISOLATION_ORDER):
        for wanted in ISOLATION_ORDER[: place + 1]:
            assert chosen(Wall(built), wanted, PROJECTS).isolation is built
        for wanted in ISOLATION_ORDER[place + 1 :]:
            with pytest.raises(SandboxRefused):
                chosen(Wall(built), wanted, PROJECTS)


def test_a_list_that_gives_up_the_wall_cannot_satisfy_a_task_that_wants_one() -> None:
    unsafe = replace(PROJECTS, unsafe_no_sandbox=True)
    assert chosen(BEST, Isolation.NONE, unsafe).isolation is Isolation.NONE
    with pytest.raises(SandboxRefused, match="unsafe_no_sandbox"):
        chosen(BEST, Isolation.BUBBLEWRAP, unsafe)


def test_a_host_without_bubblewrap_has_a_weaker_wall_and_says_why(tmp_path: Path) -> None:
    wall = probe(str(tmp_path))
    assert wall.isolation is WITHOUT_BUBBLEWRAP
    assert wall.shortfall.startswith("bubblewrap is not installed")


def test_a_bubblewrap_that_is_not_allowed_to_work_is_no_wall(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    wall = probe(str(tmp_path))
    assert wall.isolation is WITHOUT_BUBBLEWRAP
    assert wall.shortfall.startswith(
        "bubblewrap does not work here: setting up uid map: Permission denied"
    )


def test_a_unit_that_is_none_is_not_believed(tmp_path: Path) -> None:
    wall = probe(str(tmp_path), claims_unit=True)
    assert wall.isolation is WITHOUT_BUBBLEWRAP
    assert wall.shortfall.startswith("the unit l")


def test_in_a_unit_the_wall_is_the_units_whatever_keeps_the_projects_apart() -> None:
    wall = Wall(Isolation.UNIT, inside=Isolation.LANDLOCK)
    assert chosen(wall, Isolation.UNIT, PROJECTS).builder is Isolation.LANDLOCK
