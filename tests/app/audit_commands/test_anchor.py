"""`dispatchctl audit anchor`: what leaves the log comes back through whatever people copy."""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from appliance.audit.database import reading
from appliance.core import anchors
from appliance.errors import ApplianceError, ChatUnavailable, ConfigError
from tests.app.audit_commands.dispatchctl import audit
from tests.app.audit_commands.kept import log_of, settings
from tests.audit.logs import sample


def notes_of(database: Path) -> list[str]:
    """Every checkpoint that the log has signed and kept."""
    with reading(database) as connection:
        return [note for (note,) in connection.execute("SELECT note FROM ckpt ORDER BY size")]


def message(note: str) -> str:
    """As somebody copies it from a chat."""
    return f"Bot, [21.11. 08:15]\n{anchors.checkpoint(note).body.text}\n"


def size_of(note: str) -> int:
    return anchors.stated(note).size


def test_a_message_from_the_chat_is_taken_back(tmp_path: Path) -> None:
    file = settings(tmp_path)
    note = notes_of(log_of(tmp_path))[-1]
    status, lines = audit("anchor", "add", message(note), "--config", file)
    assert status == 0
    assert lines == [
        f"checkpoint of {size_of(note):,} records: signed by this log, agrees with it, recorded"
    ]
    _, listed = audit("anchor", "list", log_of(tmp_path))
    assert [line.split()[0] for line in listed] == [str(size_of(note))]
    assert listed[0].endswith("returned")
    assert audit("verify", log_of(tmp_path))[0] == 0


def test_a_file_of_many_is_taken_and_nothing_is_recorded_twice(tmp_path: Path) -> None:
    file = settings(tmp_path)
    notes = notes_of(log_of(tmp_path))
    kept = tmp_path / "anchors"
    kept.write_text("\n" + "\n".join(notes))
    for _ in range(2):
        status, lines = audit("anchor", "add", kept, "--json", "--config", file)
        assert status == 0
        assert [json.loads(line)["size"] for line in lines] == list(map(size_of, notes))
    _, listed = audit("anchor", "list", log_of(tmp_path), "--json")
    found = [json.loads(line) for line in listed]
    assert [anchor["size"] for anchor in found] == list(map(size_of, notes))
    assert all(anchor["receipt"] in notes and anchor["time"] for anchor in found)


def test_a_message_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = settings(tmp_path)
    note = notes_of(log_of(tmp_path))[0]
    monkeypatch.setattr("sys.stdin", io.StringIO(message(note)))
    assert audit("anchor", "add", "--config", file)[0] == 0


def test_a_checkpoint_that_somebody_made_up_is_refused(tmp_path: Path) -> None:
    file = settings(tmp_path)
    note = notes_of(log_of(tmp_path))[-1]
    bigger = note.replace(f"\n{size_of(note)}\n", f"\n{size_of(note) + 1000}\n")
    with pytest.raises(ApplianceError, match="not signed by this log: it proves nothing"):
        audit("anchor", "add", bigger, "--config", file)
    assert audit("anchor", "list", log_of(tmp_path)) == (
        0,
        ["no checkpoint is known to be elsewhere"],
    )


def test_a_checkpoint_without_the_identity_signature_is_refused(tmp_path: Path) -> None:
    file = settings(tmp_path)
    head, _, lines = notes_of(log_of(tmp_path))[-1].partition("\n\n")
    epoch_only = lines.splitlines()[-1]
    with pytest.raises(ApplianceError, match="not signed by this log"):
        audit("anchor", "add", f"{head}\n\n{epoch_only}\n", "--config", file)


def test_a_checkpoint_of_another_log_is_named(tmp_path: Path) -> None:
    file = settings(tmp_path)
    other = notes_of(sample(tmp_path / "other"))[-1]
    with pytest.raises(ApplianceError, match="is of another log"):
        audit("anchor", "add", other, "--config", file)


def test_a_log_that_was_rolled_back_contradicts_its_anchor(tmp_path: Path) -> None:
    file = settings(tmp_path)
    old = {path: path.read_bytes() for path in log_of(tmp_path).parent.iterdir()}
    audit("key", "rotate", "--config", file)
    newest = notes_of(log_of(tmp_path))[-1]
    for path, content in old.items():
        path.write_bytes(content)
    status, (line,) = audit("anchor", "add", message(newest), "--config", file)
    assert status == 1
    assert "it was cut off, or restored from a copy" in line
    status, (line,) = audit("anchor", "add", newest, "--json", "--config", file)
    assert status == 1
    assert "restored" in json.loads(line)["contradiction"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no\ncheckpoint", "there is no checkpoint in the text"),
        ("/nonexistent/file", "cannot read /nonexistent/file"),
    ],
)
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ApplianceError, match=said):
        audit("anchor", "add", text, "--config", settings(tmp_path))


def test_a_damaged_checkpoint_is_said_to_be_one(tmp_path: Path) -> None:
    file = settings(tmp_path)
    note = notes_of(log_of(tmp_path))[-1]
    first = note.splitlines()[4].rpartition(" ")[2]
    shorter = b64encode(b64decode(first)[:-3]).decode()
    with pytest.raises(ApplianceError, match=r"damaged|not signed"):
        audit("anchor", "add", note.replace(first, shorter), "--config", file)


def test_posting_needs_a_daemon(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, ChatUnavailable)):
        audit("anchor", "post", "--config", settings(tmp_path))
