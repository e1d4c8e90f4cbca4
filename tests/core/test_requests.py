"""What a button means: one thing, whatever other buttons there are."""

from __future__ import annotations

import pytest

from appliance.core import administration, file_requests, place_settings, review, shortened
from appliance.core.commands import Mistake
from appliance.core.help import TOKEN as HELP
from appliance.core.requests import TRY, _about_work, command_of
from tests.examples import click

READERS = (
    administration.pressed,
    file_requests.pressed,
    review.pressed,
    place_settings.pressed,
    shortened.pressed,
    _about_work,
)
ON_JOB = "s:7 r:7 ty:7 to:7 tm:7 tl:7 tw:7"
ON_APPROVAL = "a:bcdfghjkmn d:bcdfghjkmn j:bcdfghjkmn n:bcdfghjkmn i:bcdfghjkmn g:bcdfghjkmn"
ADMINISTRATION = "gy:p-bcdf gn:p-bcdf lk:bcdf au:7:"
FILES = "fl ff hr:7 hd:7 f:7:1"
REVIEW = "v:7 v:7:1 vn:7 vw:7 vr:7 vz:7 vc:7 vm:7 vk:7 vx:7 vy:7"
OTHERS = f"q:bcdfghjkmn:1 q:bcdfghjkmn:done p:demo tp:1 u:me sm more:7 set: {HELP}work"
TOKENS = " ".join((ON_JOB, ON_APPROVAL, ADMINISTRATION, FILES, REVIEW, OTHERS)).split()


@pytest.mark.parametrize("token", TOKENS)
def test_a_button_means_one_thing(token: str) -> None:
    meanings = [found for read in READERS if (found := read(token)) is not None]
    assert len(meanings) == 1
    assert command_of(click(token), ()) == meanings[0]


@pytest.mark.parametrize("token", [f"{TRY}run rm -rf", f"{TRY}", "", ":", "zz:1", "s:", "a:!"])
def test_any_other_button_means_nothing(token: str) -> None:
    assert isinstance(command_of(click(token), ()), Mistake)
