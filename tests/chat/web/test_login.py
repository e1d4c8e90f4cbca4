from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.chat.web.login import (
    MAX_SESSIONS,
    MAX_TOKENS,
    SESSION_LIFE_MS,
    TOKEN_LIFE_MS,
    LoginTokens,
    Sessions,
)
from appliance.core.model import UserName
from tests.fakes import FakeClock

ANNA = UserName("anna")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.json"


def test_a_token_is_good_for_one_use(clock: FakeClock) -> None:
    tokens = LoginTokens(clock)
    token = tokens.issue(ANNA)
    assert tokens.redeem(token) == ANNA
    assert tokens.redeem(token) is None


def test_a_token_is_good_for_ten_minutes(clock: FakeClock) -> None:
    tokens = LoginTokens(clock)
    token = tokens.issue(ANNA)
    clock.advance(TOKEN_LIFE_MS / 1000)
    assert tokens.redeem(token) is None


@pytest.mark.parametrize("guess", ["", "x", "\ud800", "a" * 1000])
def test_a_guessed_token_is_worth_nothing(clock: FakeClock, guess: str) -> None:
    tokens = LoginTokens(clock)
    tokens.issue(ANNA)
    assert tokens.redeem(guess) is None


def test_only_the_latest_tokens_are_kept(clock: FakeClock) -> None:
    tokens = LoginTokens(clock)
    issued = [tokens.issue(ANNA) for _ in range(MAX_TOKENS + 1)]
    assert tokens.redeem(issued[0]) is None
    assert tokens.redeem(issued[1]) == ANNA


def test_a_session_survives_a_restart(clock: FakeClock, path: Path) -> None:
    session = Sessions(path, clock).open(ANNA)
    assert Sessions(path, clock).user_of(session) == ANNA


def test_a_session_ends_after_its_time(clock: FakeClock, path: Path) -> None:
    sessions = Sessions(path, clock)
    session = sessions.open(ANNA)
    clock.advance(SESSION_LIFE_MS / 1000)
    assert sessions.user_of(session) is None


def test_the_file_is_private_and_holds_no_session_id(clock: FakeClock, path: Path) -> None:
    session = Sessions(path, clock).open(ANNA)
    assert path.stat().st_mode & 0o777 == 0o600
    assert session not in path.read_text()


def test_the_oldest_session_makes_room(clock: FakeClock, path: Path) -> None:
    sessions = Sessions(path, clock)
    opened = [sessions.open(ANNA) for _ in range(MAX_SESSIONS + 1)]
    assert sessions.user_of(opened[0]) is None
    assert sessions.user_of(opened[1]) == ANNA


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", '{"a": 1}', '[{"sha256": 1, "user": "anna", "expires_at": 2}]', '[{"x": 1}]'],
)
def test_a_damaged_file_logs_everybody_out(clock: FakeClock, path: Path, text: str) -> None:
    path.write_text(text)
    sessions = Sessions(path, clock)
    assert sessions.user_of("anything") is None
    assert sessions.user_of(sessions.open(ANNA)) == ANNA


def test_a_file_that_cannot_be_written_keeps_sessions_for_this_run(
    clock: FakeClock, tmp_path: Path
) -> None:
    sessions = Sessions(tmp_path / "missing" / "sessions.json", clock)
    assert sessions.user_of(sessions.open(ANNA)) == ANNA


def test_what_is_stored_is_a_list_of_hashes(clock: FakeClock, path: Path) -> None:
    Sessions(path, clock).open(ANNA)
    (row,) = json.loads(path.read_text())
    assert set(row) == {"sha256", "user", "expires_at"}
