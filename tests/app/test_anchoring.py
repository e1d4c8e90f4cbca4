"""Each place of the settings becomes one sink, and a wrong key is found at the start."""

from __future__ import annotations

import hashlib
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import journald
from appliance.app.anchoring import Anchoring, anchoring
from appliance.config import load
from appliance.core.model import ENGLISH
from appliance.errors import ConfigError
from appliance.services.activity import Activity
from appliance.services.outbox import Outbox
from appliance.storage.state import SqliteState
from tests.fakes import FakeClock
from tests.fakes_anchors import AnchorableMemory

RAW = b"\x04" + bytes(32)
KEY_ID = hashlib.sha256(b"w.example\n" + RAW).hexdigest()[:8]
KEY = f"w.example+{KEY_ID}+{b64encode(RAW).decode()}"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    (tmp_path / "state").mkdir()
    state = SqliteState.open(tmp_path / "state")
    yield state
    state.close()


def built(tmp_path: Path, state: SqliteState, audit: str, users: str) -> Anchoring:
    (tmp_path / "demo").mkdir()
    file = tmp_path / "dispatch.toml"
    file.write_text(f'{users}\n[projects.demo]\npath = "{tmp_path}/demo"\n[audit]\n{audit}\n')
    log, clock = AnchorableMemory(), FakeClock()
    outbox = Outbox(state, log, {}, clock, lambda _place: False, lambda _place: ENGLISH)
    return anchoring(load(file), log, Activity(log), state, outbox, clock)


def sinks(made: Anchoring) -> list[str]:
    return [lane.sink.name for lane in made.anchors._lanes]


def test_every_place_of_the_settings_is_a_sink(
    tmp_path: Path, state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "journal")
    witnesses = f'witnesses = ["https://w.example {KEY}", "https://v.example/log"]'
    audit = f'anchor_file = "{tmp_path}/anchors"\n{witnesses}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        made = built(tmp_path, state, audit, "[web]\n[users.me]\nweb = true")
    assert sinks(made) == ["chat", "file", "journal", "w.example", "v.example/log"]
    assert [part.name for part in made.parts] == ["anchors", "owner"]


def test_nobody_with_a_chat_that_keeps_and_nothing_else_is_no_sink(
    tmp_path: Path, state: SqliteState
) -> None:
    made = built(tmp_path, state, "anchor_journal = false", "[terminal]\n[users.me]\nunix = [1]")
    assert sinks(made) == []
    assert [part.name for part in made.parts] == ["anchors"]


def test_a_key_that_does_not_match_its_id_stops_the_start(
    tmp_path: Path, state: SqliteState
) -> None:
    audit = f'witnesses = ["https://w.example {KEY.replace(KEY_ID, "00000000")}"]'
    with pytest.raises(ConfigError, match="does not match its id"):
        built(tmp_path, state, audit, "[web]\n[users.me]\nweb = true")
