"""Hours, days, last days and chats hold when they say, in local time."""

from __future__ import annotations

from datetime import datetime

import pytest

from appliance.core.model import Millis, Platform
from appliance.policy.options import parse
from appliance.policy.when import ALWAYS

TELEGRAM = Platform.TELEGRAM


def _at(text: str) -> Millis:
    return Millis(int(datetime.fromisoformat(text).astimezone().timestamp() * 1000))


@pytest.mark.parametrize(
    ("options", "moment", "holds"),
    [
        ("hours=09:00-17:00", "2030-06-03T09:00", True),
        ("hours=09:00-17:00", "2030-06-03T17:00", False),
        ("hours=22:00-06:00", "2030-06-03T23:00", True),
        ("hours=22:00-06:00", "2030-06-03T05:59", True),
        ("hours=22:00-06:00", "2030-06-03T12:00", False),
        ("days=mon-fri", "2030-06-03T12:00", True),
        ("days=sat,sun", "2030-06-03T12:00", False),
        ("days=sun-mon", "2030-06-02T12:00", True),
        ("hours=22:00-06:00 days=fri", "2030-06-08T02:00", True),  # Saturday, of Friday's night
        ("hours=22:00-06:00 days=fri", "2030-06-07T02:00", False),
        ("until=2030-06-03", "2030-06-03T23:59", True),
        ("until=2030-06-03", "2030-06-04T00:00", False),
        ("via=telegram|web", "2030-06-03T12:00", True),
        ("via=web", "2030-06-03T12:00", False),
    ],
)
def test_a_condition_holds_when_it_says(options: str, moment: str, holds: bool) -> None:
    found, mistakes = parse(options, "allow")
    assert mistakes == ()
    assert found.when.holds(_at(moment), TELEGRAM) is holds


def test_an_unknown_time_matters_only_to_what_depends_on_it() -> None:
    timed, _ = parse("hours=09:00-17:00", "allow")
    assert ALWAYS.holds(Millis(0), TELEGRAM)
    assert not timed.when.holds(Millis(0), TELEGRAM)
    assert timed.when.holds(Millis(0), TELEGRAM, unknown=True)
    chat, _ = parse("via=web hours=09:00-17:00", "allow")
    assert not chat.when.holds(Millis(0), TELEGRAM, unknown=True)


@pytest.mark.parametrize(
    "options",
    [
        "hours=09:00-17:00", "days=mon-fri", "days=sat,sun", "days=mon,wed-fri,sun",
        "until=2030-01-31", "via=telegram", "hours=22:00-06:00 days=fri until=2030-01-31 via=web",
    ],
)  # fmt: skip
def test_a_condition_is_told_as_it_is_written(options: str) -> None:
    told = str(parse(options, "allow")[0].when)
    written = [word.partition("=")[2] for word in options.split()]
    assert [word for word in told.split() if word not in ("on", "until", "from")] == written


def test_chats_are_told_with_or_between_them() -> None:
    assert str(parse("via=web|telegram", "allow")[0].when) == "from telegram or web"
    assert str(ALWAYS) == ""
