from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.app.audit_commands.shared import local
from appliance.errors import ApplianceError
from tests.app.audit_commands.dispatchctl import audit
from tests.audit.logs import allowed, queued, sample, write
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    "arguments",
    [
        ("log", "--since", "yesterday"),
        ("log", "--until", "2030-13-01"),
        ("log", "--outcome", "fine"),
        ("log", "--limit", "0"),
        ("verify", "--pubkey", "a+b+c"),
        ("verify", "--pubkey", "/nowhere"),
        ("verify", "--anchor", "/nowhere"),
    ],
)
def test_a_wrong_argument_is_one_clear_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command, *options = arguments
    with pytest.raises(ApplianceError, match=r"\w"):
        audit(command, sample(tmp_path), *options)


@pytest.mark.parametrize("subject", [("log",), ("show", 2), ("show", "job:1")])
@pytest.mark.parametrize("wrong", [2**53 - 10**7, -(2**52)])
def test_a_time_in_no_calendar_is_shown_as_a_number(
    subject: tuple[object, ...], wrong: int, tmp_path: Path
) -> None:
    database = write(tmp_path, [[allowed(1)], [queued(1)]], FakeClock(wrong))
    status, lines = audit(*subject, database)
    assert status == 0
    assert any(str(wrong)[:6] in line for line in lines)


@given(st.integers(-(2**53), 2**53))
def test_every_number_is_worded(time: int) -> None:
    assert local(time, "%Y-%m-%d %H:%M:%S %Z")


def test_a_moment_is_worded_in_the_time_of_this_place() -> None:
    moment = datetime(2027, 1, 15, 8, 0, 1, tzinfo=UTC)
    text = local(int(moment.timestamp() * 1000), "%Y-%m-%dT%H:%M:%S%z")
    assert datetime.fromisoformat(text) == moment
