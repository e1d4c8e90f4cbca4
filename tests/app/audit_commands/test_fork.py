"""`dispatchctl audit fork`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.errors import ApplianceError, AuditBroken, AuditUnavailable
from tests.app.audit_commands.dispatchctl import audit
from tests.app.audit_commands.kept import log_of, settings
from tests.audit.logs import BOOT, entries
from tests.fakes import FakeClock

FORK = ("fork", "--accept-loss", "--reason", "a disk died", "--config")


def break_off(tmp_path: Path) -> None:
    """Cut off the end of the log, as a restored backup would."""
    with sqlite3.connect(log_of(tmp_path)) as log:
        log.execute("DROP TRIGGER leaf_DELETE")
        log.execute("DELETE FROM leaf WHERE seq > (SELECT max(seq) - 1 FROM leaf)")
    log.close()


def test_a_broken_log_is_kept_and_another_goes_on_from_it(tmp_path: Path) -> None:
    file, directory = settings(tmp_path), log_of(tmp_path).parent
    old_key = (directory / "audit.pub").read_text().strip()
    break_off(tmp_path)
    with pytest.raises(AuditBroken):
        Writer(directory, FakeClock(), BOOT)
    status, said = audit(*FORK, file)
    assert status == 0
    new_key = (directory / "audit.pub").read_text().strip()
    assert new_key != old_key
    assert said[0].startswith("the old log is kept in ")
    assert new_key in said[1]
    kept = Path(said[0].split(" kept in ")[1].split(";")[0])
    assert kept.is_dir()
    assert not list(kept.glob("*.key")), "nobody can add to it any more"
    assert verify(log_of(tmp_path)).verdict is Verdict.INTACT
    first = entries(log_of(tmp_path))[0].record
    assert (first.kind, first.data["reason"]) == ("audit.forked", "a disk died")
    Writer(directory, FakeClock(), BOOT).close()


def test_what_an_anchor_knows_to_be_lost_is_recorded(tmp_path: Path) -> None:
    file, directory = settings(tmp_path), log_of(tmp_path).parent
    writer = Writer(directory, FakeClock(), BOOT)
    note = writer.head()
    writer.close()
    (tmp_path / "anchor").write_text(str(note))
    with sqlite3.connect(log_of(tmp_path)) as log:
        for table in ("leaf", "ckpt"):
            log.execute(f"DROP TRIGGER {table}_DELETE")
        log.execute("DELETE FROM leaf WHERE seq > 3")
        log.execute("DELETE FROM ckpt WHERE size > 3")
    log.close()
    status, (line,) = audit(*FORK, file, "--anchor", tmp_path / "anchor", "--json")
    assert status == 0
    assert json.loads(line).keys() == {"format", "kept", "public_key"}
    first = entries(log_of(tmp_path))[0].record
    assert first.data["lost_size"] == note.checkpoint.size
    assert first.data["kept_size"] == 3


def test_an_anchor_that_is_none_is_said_before_anything_is_done(tmp_path: Path) -> None:
    file = settings(tmp_path)
    (tmp_path / "anchor").write_text("no checkpoint\n")
    with pytest.raises(ApplianceError, match="there is no checkpoint in it"):
        audit(*FORK, file, "--anchor", tmp_path / "anchor")
    assert verify(log_of(tmp_path)).verdict is Verdict.INTACT


def test_a_log_in_use_is_left_alone(tmp_path: Path) -> None:
    file = settings(tmp_path)
    writer = Writer(log_of(tmp_path).parent, FakeClock(), BOOT)
    with pytest.raises(AuditUnavailable, match="another process is writing it"):
        audit(*FORK, file)
    writer.close()


def test_the_loss_has_to_be_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        audit("fork", "--reason", "x", "--config", tmp_path)
    assert "--accept-loss" in capsys.readouterr().err
