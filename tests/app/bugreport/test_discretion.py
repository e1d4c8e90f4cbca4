"""What must not leave the machine is not in a report, wherever it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.app.bugreport.discretion import WITHHELD, Discretion, discretion, without_ids
from appliance.config import load
from tests.app.backup_commands.installation import TOKEN, Installation
from tests.app.bugreport.planted import ANSWER, CHAT, ID, KEY, PASSWORD, TASK, shown


def test_no_secret_and_nothing_that_people_wrote_is_in_it(
    box: Installation, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(box, capsys)
    for planted in (CHAT, TASK[:50], ANSWER, TOKEN, KEY, PASSWORD, str(ID), "02:00:00"):
        assert planted not in told, planted
    assert "[left out: it holds what somebody wrote]" in told
    assert "telegram:[id] is a stranger" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_what_is_kept_or_was_written_here_is_known(box: Installation) -> None:
    known = discretion(load(box.settings))
    assert {TOKEN, PASSWORD} <= set(known.secrets)
    assert known.line(f"{PASSWORD}!") == "[redacted credential]!"
    assert known.line(f"it said: {CHAT}") == WITHHELD
    assert known.line("all is well") == "all is well"


def test_without_settings_known_kinds_are_left_out_all_the_same() -> None:
    assert KEY not in discretion(None).line(f"key {KEY}")


def test_a_secret_inside_of_another_leaves_nothing_of_it() -> None:
    both = Discretion(("secret-and-more", "secret"), ())
    assert both.line("secret-and-more") == "[redacted credential]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("telegram:4711815666", "telegram:[id]"),
        ("-1001234567890", "-[id]"),
        ("head 14 0a123456789bc", "head 14 0a123456789bc"),
        ("2026-11-21T15:00:00", "2026-11-21T15:00:00"),
    ],
)
def test_long_numbers_are_accounts(text: str, shown: str) -> None:
    assert without_ids(text) == shown


def test_a_state_that_cannot_be_read_stops_no_report(box: Installation, tmp_path: Path) -> None:
    (box.state / "state.db").unlink()
    assert TOKEN in discretion(load(box.settings)).secrets
